"""The result of a step: counts that add up, a file beside the metrics, and progress."""

import json

import pytest
from kfp import dsl

from components.step_result import CommandProgress, Progress, StepResult, record


def test_numbers_become_metrics_and_all_is_written(tmp_path):
    metrics = dsl.Metrics(uri=str(tmp_path / "deep" / "facts"))
    record(metrics, StepResult(5, 3, 2, "3 of 5", {"loss": 0.5}))
    assert metrics.metadata["rows_out"] == 3 and "headline" not in metrics.metadata
    counts = {"rows_in": 5, "rows_out": 3, "quarantined": 2}
    assert json.loads((tmp_path / "deep" / "facts").read_text()) == counts | {"headline": "3 of 5", "loss": 0.5}


def test_a_lost_row_fails_the_step():
    with pytest.raises(ValueError, match="counts of this step do not add up: 5 in, 3 out, 1 quarantined"):
        StepResult(5, 3, 1)


def test_a_number_that_json_lacks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        record(dsl.Metrics(uri=str(tmp_path / "facts")), StepResult(1, 1, details={"loss": float("nan")}))


def test_progress_prints_first_and_last_and_few_between(capsys):
    progress = Progress(1000, "rows")
    for _ in range(1000):
        progress.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "::progress 1 1000 rows" and lines[-1] == "::progress 1000 1000 rows"
    assert len(lines) < 10


def test_a_command_prints_progress_for_people(capsys):
    CommandProgress(1200, "pairs").advance(1200)
    assert capsys.readouterr().err == "1,200 of 1,200 pairs\n"
