"""A pipeline is followed by what kfp prints: these lines are kfp's own, colours and all."""

import json
import subprocess
from io import StringIO

import pytest
from rich.console import Console

from pipelines.local.kfp_output import Watched, title
from pipelines.local.progress import Steps

KEY = "afc88eff821d"
BEGAN = "06:11:04.621 - INFO - Executing task \x1b[96m'build-features'\x1b[0m\n06:11:04.621 - INFO - Streamed logs:\n"
PROGRESS = "    ::progress 3 10 pairs\n"
DONE = "06:11:04.833 - INFO - Task \x1b[96m'build-features'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m\n"
STORED = f"Task build-features cache hit (key={KEY}); skipping execution.\n"
ERROR = "    Traceback (most recent call last):\n    ValueError: no pairs are left\n    [KFP Executor] exited\n"
FAILED = "06:11:12.581 - ERROR - Task \x1b[96m'build-features'\x1b[0m finished with status \x1b[91mFAILURE\x1b[0m\n"
AFTER = "06:11:13.000 - INFO - Executing task \x1b[96m'train-student'\x1b[0m\n"
FACTS = {"rows_in": 1, "rows_out": 1, "quarantined": 0, "headline": "1 pair"}


@pytest.fixture
def watched(tmp_path):
    """A pipeline whose process prints some text and ends with a code; its root holds what kfp leaves of a run."""
    folder = tmp_path / "kfp" / "retrain-2026-01-05-06-11-04-602088" / "build-features"
    folder.mkdir(parents=True)
    (folder / "facts").write_text(json.dumps(FACTS))
    (folder / "executor_output.json").write_text(json.dumps({"parameterValues": {"Output": "hello"}}))
    entry = {"Output": "kept", "facts": {"__kfp_artifact__": True, "uri": str(folder / "facts")}}
    (tmp_path / "kfp" / ".kfp_cache").mkdir()
    (tmp_path / "kfp" / ".kfp_cache" / f"{KEY}bbe78afa.json").write_text(json.dumps(entry))

    def run(text: str, code: int = 0, seconds: float = 0) -> Watched:
        (tmp_path / "text").write_text(text)
        command = ["sh", "-c", 'cat "$0"; sleep "$2"; exit "$1"', str(tmp_path / "text"), str(code), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        steps = Steps(Console(file=StringIO(), width=160))
        return Watched(process, "retrain", tmp_path / "kfp", tmp_path, steps)

    made = []
    yield lambda *said: made.append(run(*said)) or made[-1]
    for each in made:
        each.process.wait()
        if each.reader.ident:
            each.reader.join()
        each.process.stdout.close()


def test_a_step_that_ran_is_found_with_its_artifacts_and_what_it_returned(watched):
    run = watched(BEGAN + PROGRESS + DONE)
    task = run.wait()["build-features"]
    assert (task.cached, task.output, task.facts, set(task.artifacts)) == (False, "hello", FACTS, {"facts"})
    assert [step.title for step in run.steps.done] == ["build features"]


def test_a_step_that_kfp_took_from_its_cache_is_found_in_the_cache(watched):
    run = watched(STORED)
    task = run.wait()["build-features"]
    assert (task.cached, task.output, task.facts) == (True, "kept", FACTS)
    assert "stored" in run.steps.console.file.getvalue()


def test_each_step_has_a_log_of_its_own_without_colours(watched, tmp_path):
    watched("before\n" + BEGAN + PROGRESS + DONE).wait()
    assert (tmp_path / "retrain-kfp.log").read_text() == "before\n"
    log = (tmp_path / "retrain-build-features.log").read_text()
    assert "::progress 3 10 pairs" in log and "\x1b" not in log


def test_a_failed_step_is_named_with_the_line_that_says_why_and_its_log(watched, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        watched(BEGAN + ERROR + FAILED + AFTER, 1).wait()
    log = tmp_path / "retrain-build-features.log"
    assert str(caught.value) == f"the step build-features failed: ValueError: no pairs are left\nits log: {log}"


def test_what_kfp_starts_after_a_failed_step_is_not_followed(watched, tmp_path):
    run = watched(BEGAN + ERROR + FAILED + AFTER, 1)
    with pytest.raises(RuntimeError):
        run.wait()
    run.reader.join()
    assert not (tmp_path / "retrain-train-student.log").exists()


def test_a_process_that_fails_outside_any_step_is_kfps_failure(watched):
    with pytest.raises(RuntimeError, match="the step kfp failed: ModuleNotFoundError: No module named 'x'"):
        watched("Traceback\nModuleNotFoundError: No module named 'x'\n", 1).wait()


def test_while_the_pipeline_runs_its_caller_gets_turns(watched):
    turns = []
    watched("", 0, 0.5).wait(lambda: turns.append(1))
    assert turns


@pytest.mark.parametrize(
    ("line", "shown"),
    [("::progress 3 10 pairs", "3 of 10 pairs"), ("    ::progress 3 10 pairs\n", "3 of 10 pairs"), ("3 of 10", "")],
)
def test_progress_is_shown_beside_the_running_step(watched, line, shown):
    run = watched("")
    run.steps.console = Console(file=StringIO(), width=160, force_terminal=True)
    run.steps.start("train")
    run.act(line)
    run.steps.drop_line()
    assert shown in run.steps.console.file.getvalue()


def test_steps_have_names_that_a_person_reads():
    assert title("predict-split-3") == "score baseline" and title("build-features") == "build features"
