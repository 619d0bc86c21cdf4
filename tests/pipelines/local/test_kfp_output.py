"""A pipeline is followed by what kfp prints. These lines are kfp's own, with colours."""

import json
import subprocess
from io import StringIO

import pytest
from rich.console import Console

from pipelines.local.kfp_output import KfpRunMonitor
from pipelines.local.progress import Steps
from pipelines.titles import title

KEY = "afc88eff821d"
START = "06:11:04.621 - INFO - Executing task \x1b[96m'build-features'\x1b[0m\n06:11:04.621 - INFO - Streamed logs:\n"
PROGRESS = "    ::progress 3 10 pairs\n"
SUCCESS = "06:11:04.833 - INFO - Task \x1b[96m'build-features'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m\n"
CACHE_HIT = f"Task build-features cache hit (key={KEY}); skipping execution.\n"
ERROR = "    Traceback (most recent call last):\n    ValueError: no pairs are left\n    [KFP Executor] exited\n"
FAILED = "06:11:12.581 - ERROR - Task \x1b[96m'build-features'\x1b[0m finished with status \x1b[91mFAILURE\x1b[0m\n"
AFTER = "06:11:13.000 - INFO - Executing task \x1b[96m'train-student'\x1b[0m\n"
FACTS = {"rows_in": 1, "rows_out": 1, "quarantined": 0, "headline": "1 pair"}


@pytest.fixture
def start_monitor(tmp_path):
    """Start monitors of processes that print a text and exit with a code, over what kfp leaves of a run."""
    folder = tmp_path / "kfp" / "retrain-2026-01-05-06-11-04-602088" / "build-features"
    folder.mkdir(parents=True)
    (folder / "facts").write_text(json.dumps(FACTS))
    artifacts = {"facts": {"artifacts": [{"uri": str(folder / "facts")}]}}
    output = {"parameterValues": {"Output": "hello"}, "artifacts": artifacts}
    (folder / "executor_output.json").write_text(json.dumps(output))
    entry = {"Output": "cached", "facts": {"__kfp_artifact__": True, "uri": str(folder / "facts")}}
    (tmp_path / "kfp" / ".kfp_cache").mkdir()
    (tmp_path / "kfp" / ".kfp_cache" / f"{KEY}bbe78afa.json").write_text(json.dumps(entry))

    def run(text: str, code: int = 0, seconds: float = 0) -> KfpRunMonitor:
        (tmp_path / "text").write_text(text)
        command = ["sh", "-c", 'cat "$0"; sleep "$2"; exit "$1"', str(tmp_path / "text"), str(code), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        steps = Steps(Console(file=StringIO(), width=160))
        return KfpRunMonitor(process, "retrain", tmp_path / "kfp", tmp_path, steps)

    monitors = []

    def start(*arguments) -> KfpRunMonitor:
        monitors.append(run(*arguments))
        return monitors[-1]

    yield start
    for monitor in monitors:
        monitor.process.wait()
        if monitor.reader.ident:
            monitor.reader.join()
        monitor.process.stdout.close()


def test_a_finished_step_has_artifacts_and_output(start_monitor):
    run = start_monitor(START + PROGRESS + SUCCESS)
    task = run.wait()["build-features"]
    assert (task.is_from_cache, task.output, task.facts, set(task.artifacts)) == (False, "hello", FACTS, {"facts"})
    assert [step.title for step in run.steps.finished_steps] == ["build features"]


def test_an_output_may_be_what_another_step_left(start_monitor, tmp_path):
    run = start_monitor(START + SUCCESS)
    (path,) = tmp_path.rglob("executor_output.json")
    artifacts = {"package": {"artifacts": [{"uri": "/of/another/step/package"}]}}
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"artifacts": document["artifacts"] | artifacts}))
    assert str(run.wait()["build-features"].artifacts["package"]) == "/of/another/step/package"


def test_a_steps_cost_is_kept_and_no_reason(start_monitor):
    run = start_monitor(START + "::cost 12.50 1.20\n" + SUCCESS)
    run.wait()
    assert run.steps.finished_steps[0].to_dict().items() >= {"cpu_seconds": 12.5, "memory_gb": 1.2}.items()
    failed_run = start_monitor(START + ERROR + "::cost 12.50 1.20\n" + FAILED, 1)
    with pytest.raises(RuntimeError, match="no pairs are left"):
        failed_run.wait()


def test_a_cached_step_is_loaded_from_the_cache(start_monitor):
    run = start_monitor(CACHE_HIT)
    task = run.wait()["build-features"]
    assert (task.is_from_cache, task.output, task.facts) == (True, "cached", FACTS)
    assert "stored" in run.steps.console.file.getvalue()


def test_each_step_has_its_own_plain_log(start_monitor, tmp_path):
    start_monitor("before\n" + START + PROGRESS + SUCCESS).wait()
    assert (tmp_path / "retrain-kfp.log").read_text() == "before\n"
    log = (tmp_path / "retrain-build-features.log").read_text()
    assert "::progress 3 10 pairs" in log and "\x1b" not in log


def test_a_failed_step_names_reason_and_log(start_monitor, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        start_monitor(START + ERROR + FAILED + AFTER, 1).wait()
    log = tmp_path / "retrain-build-features.log"
    assert str(caught.value) == f"the step build-features failed: ValueError: no pairs are left\nits log: {log}"


def test_steps_after_a_failure_are_not_followed(start_monitor, tmp_path):
    run = start_monitor(START + ERROR + FAILED + AFTER, 1)
    with pytest.raises(RuntimeError):
        run.wait()
    run.reader.join()
    assert not (tmp_path / "retrain-train-student.log").exists()


def test_a_failure_outside_any_step_is_kfps(start_monitor):
    with pytest.raises(RuntimeError, match="the step kfp failed: ModuleNotFoundError: No module named 'x'"):
        start_monitor("Traceback\nModuleNotFoundError: No module named 'x'\n", 1).wait()


def test_the_caller_gets_turns_during_the_run(start_monitor):
    turns = []
    start_monitor("", 0, 0.5).wait(lambda: turns.append(1))
    assert turns


@pytest.mark.parametrize(
    ("line", "shown"),
    [("::progress 3 10 pairs", "3 of 10 pairs"), ("    ::progress 3 10 pairs\n", "3 of 10 pairs"), ("3 of 10", "")],
)
def test_progress_is_shown_beside_the_running_step(start_monitor, line, shown):
    run = start_monitor("")
    run.steps.console = Console(file=StringIO(), width=160, force_terminal=True)
    run.steps.start("train")
    run.act(line)
    run.steps.drop_line()
    assert shown in run.steps.console.file.getvalue()


def test_steps_have_readable_names():
    assert title("predict-split") == "score baseline" and title("build-features") == "build features"
