"""kfp's steps run as forks of the step server, and as processes where they cannot."""

import sys

import pytest

from pipelines.local.kfp_runner import own_process_reason, run_step
from pipelines.local.processes import Laptop
from pipelines.local.step_client import own_processes_reason
from testing.servers import environment

SCRIPT = f"{sys.executable} -m kfp.dsl.executor_main --component_module_path $program_path"
SOURCE = "def say(word: str):\n    import os\n    print(word, os.getppid(), os.environ['_KFP_RUNTIME'])\n"
INPUT = '{"inputs": {"parameterValues": {"word": "hello"}}, "outputs": {"outputFile": "%s"}}'


def command(source: str, folder) -> list[str]:
    arguments = ["--executor_input", INPUT % (folder / "output.json"), "--function_to_execute", "say"]
    return ["sh", "-ec", SCRIPT, source, *arguments]


@pytest.mark.parametrize(
    ("script", "variables", "reason"),
    [
        (SCRIPT, {}, ""),
        (SCRIPT, {"BROADFAST_QUEUE": "night"}, "it sets BROADFAST_QUEUE"),
        (f"python3 -m pip install torch && {SCRIPT}", {}, "it is not started by kfp's executor alone"),
        ("echo", {}, "it is not started by kfp's executor alone"),
    ],
)
def test_another_environment_needs_another_process(script, variables, reason):
    assert own_process_reason(["sh", "-ec", script, SOURCE], variables) == reason


@pytest.mark.slow
@pytest.mark.skipif(bool(own_processes_reason()), reason="steps may not be forks here")
def test_a_step_is_a_child_of_the_server(tmp_path, capsys):
    with Laptop(tmp_path, tmp_path) as laptop, environment(**laptop.environment):
        laptop.start_step_server()
        with environment(**laptop.environment):
            assert run_step(full_command=command(SOURCE, tmp_path)) == 0
            assert run_step(full_command=command("def say(word: str): raise ValueError(word)", tmp_path)) == 1
        server = laptop.processes["steps"].pid
    lines = capsys.readouterr().out.splitlines()
    assert f"hello {server} true" in lines and "ValueError: hello" in lines
    assert sum(line.startswith("::cost ") for line in lines) == 2
