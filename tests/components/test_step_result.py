"""What a step says of itself: counts that add up, a file beside the metrics, and progress."""

import json

import pytest
from kfp import dsl

from components.step_result import Progress, record

COUNTS = {"rows_in": 5, "rows_out": 3, "set_aside": 2}


def test_numbers_become_metrics_and_everything_is_written(tmp_path):
    metrics = dsl.Metrics(uri=str(tmp_path / "deep" / "facts"))
    record(metrics, COUNTS | {"figure": "3 of 5"})
    assert metrics.metadata["rows_out"] == 3 and "figure" not in metrics.metadata
    assert json.loads((tmp_path / "deep" / "facts").read_text()) == COUNTS | {"figure": "3 of 5"}


def test_a_lost_row_fails_the_step(tmp_path):
    with pytest.raises(ValueError, match="rows are lost or made up: {'rows_in': 5, 'rows_out': 3, 'set_aside': 1}"):
        record(dsl.Metrics(uri=str(tmp_path / "facts")), COUNTS | {"set_aside": 1})
    assert not (tmp_path / "facts").exists()


def test_a_figure_that_is_no_number_is_refused_for_json_has_none(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        record(dsl.Metrics(uri=str(tmp_path / "facts")), COUNTS | {"loss": float("nan")})


def test_progress_says_the_first_and_the_last_and_not_each_one_between(capsys):
    progress = Progress(1000, "rows")
    for _ in range(1000):
        progress.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "::progress 1 1000 rows" and lines[-1] == "::progress 1000 1000 rows"
    assert len(lines) < 10
