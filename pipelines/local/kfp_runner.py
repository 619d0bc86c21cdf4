"""Runs one pipeline by kfp.local in this process: `python -m pipelines.local.kfp_runner retrain ROOT ARGUMENTS.json`.

A process of its own, since kfp writes hundreds of lines and keeps global state; `pipelines.local.run` reads its output.
"""

import json
import logging
import sys
import warnings

from kfp import local


def main(name: str, root: str, arguments: str) -> None:
    """Run a pipeline with its arguments. The process fails where a step does."""
    from pipelines.experiment import experiment
    from pipelines.retrain import retrain

    logging.getLogger().setLevel(logging.INFO)  # kfp logs cache hits at this level, on the root logger
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    warnings.filterwarnings("ignore", message="The following task configuration settings", category=UserWarning)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root, enable_caching=True)
    with open(arguments) as file:
        {"retrain": retrain, "experiment": experiment}[name](**json.load(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
