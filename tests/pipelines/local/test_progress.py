"""What a person sees: one line a finished step, a table at the end, and how far the running step is."""

from io import StringIO

import pytest
from rich.console import Console

from components.step_result import Progress
from pipelines.local.progress import PROGRESS, Steps

FACTS = {"rows_in": 1200, "rows_out": 1100, "quarantined": 100, "headline": "1,100 judgements"}


@pytest.fixture
def steps():
    return Steps(Console(file=StringIO(), width=160))


def printed_text(steps: Steps) -> str:
    return steps.console.file.getvalue()


def test_printed_progress_can_be_read_back(capsys):
    Progress(8, "search requests").advance(8)
    assert PROGRESS.search(capsys.readouterr().err).groups() == ("8", "8", "search requests")


def test_a_finished_step_is_one_line(steps):
    steps.start("prepare judgements")
    steps.show_progress(3, 10, "rows")
    steps.finish(FACTS)
    assert printed_text(steps).split() == ["prepare", "judgements", "0", "s", "1,100", "judgements"]


def test_a_line_says_how_long_is_left(steps):
    steps.profile = "quick"
    steps.start("prepare judgements")
    steps.finish(FACTS)
    assert printed_text(steps).rstrip().endswith("1,100 judgements  (about 6 min left)")


def test_a_cached_step_shows_stored_not_seconds(steps):
    steps.start("train")
    steps.finish(FACTS, is_from_cache=True)
    assert printed_text(steps).split() == ["train", "stored", "1,100", "judgements"]
    assert steps.finished_steps[0].is_from_cache


def test_a_step_without_work_tells_no_pace(steps):
    steps.start("distil student (LRKD)")
    steps.finish({"absent": "there is no rationale to learn from"})
    assert steps.finished_steps[0].took_no_work


def test_the_table_has_all_row_counts(steps):
    for name in ("prepare", "train"):
        steps.start(name)
        steps.finish(FACTS)
    steps.console.print(steps.table())
    assert printed_text(steps).count("1,200     1,100          100  1,100 judgements") == 2
    assert "rows in" in printed_text(steps) and "quarantined" in printed_text(steps)


def test_an_unfinished_step_is_not_listed(steps):
    steps.start("fails")
    steps.drop_line()
    assert not steps.finished_steps and printed_text(steps) == ""


def test_a_terminal_shows_the_running_step_live():
    steps = Steps(Console(file=StringIO(), width=160, force_terminal=True))
    steps.start("distil student")
    steps.show_progress(4, 8, "steps")
    assert steps.live.is_started
    steps.finish(FACTS)
    assert steps.live is None and "4 of 8 steps, about 0 s left" in printed_text(steps)
