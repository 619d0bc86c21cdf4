"""Runs one pipeline by kfp.local in this process: `python -m pipelines.local.kfp_runner retrain ROOT ARGUMENTS.json`.

A process of its own, since kfp writes hundreds of lines and keeps global state; `pipelines.local.run` reads its output.
"""

import importlib
import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from kfp import local
from kfp.local import subprocess_task_handler

from pipelines.local.step_client import STEP_SERVER, ForkedProcess, Refused

EXECUTOR = "kfp.dsl.executor_main"
CODE = 3  # the place of a component's source in kfp's command: sh -ec SCRIPT SOURCE ARGUMENTS...
run_in_process = subprocess_task_handler.run_local_subprocess


def run_step(full_command: Sequence[str], env_vars: Mapping[str, str] | None = None) -> int:
    """Run a step as a fork of the step server, and return its exit code.

    Where it cannot be one, it runs as kfp runs it.
    """
    reason = own_process_reason(full_command, env_vars or {})
    if not reason:
        try:
            return run_fork(full_command[CODE], full_command[CODE + 1 :])
        except Refused as error:
            reason = str(error)
    print(f"this step runs in a process of its own: {reason}")
    return run_in_process(full_command, env_vars)


def own_process_reason(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Return why a step cannot be a fork, or nothing.

    A fork's libraries have read their environment already.
    """
    if variables:
        return f"it sets {', '.join(variables)}"
    script = command[CODE - 1] if len(command) > CODE else ""
    if "pip install" in script or f"-m {EXECUTOR}" not in script:
        return "it is not started by kfp's executor alone"
    return ""


def run_fork(source: str, arguments: Sequence[str]) -> int:
    """Run a component's source in a fork, and print its output and its cost."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ephemeral_component.py"
        path.write_text(source)
        arguments = ["--component_module_path", str(path), *arguments]
        with ForkedProcess(EXECUTOR, arguments, os.environ | {"_KFP_RUNTIME": "true"}) as process:
            for line in process.stdout:
                print(line, end="")
            code = process.wait()
    print(f"\n::cost {process.cost.get('cpu_seconds', 0):.2f} {process.cost.get('memory_gb', 0):.2f}\n")
    return code


def main(name: str, root: str, arguments: str) -> None:
    """Run a pipeline with its arguments. The process fails where a step does."""
    pipeline = getattr(importlib.import_module(f"pipelines.{name}"), name)
    logging.getLogger().setLevel(logging.INFO)  # kfp logs cache hits at this level, on the root logger
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    warnings.filterwarnings("ignore", message="The following task configuration settings", category=UserWarning)
    if STEP_SERVER in os.environ:
        subprocess_task_handler.run_local_subprocess = run_step  # kfp has no other place for a runner of one's own
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root, enable_caching=True)
    with open(arguments) as file:
        pipeline(**json.load(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
