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


def said(steps: Steps) -> str:
    return steps.console.file.getvalue()


def test_what_a_step_prints_of_its_progress_is_what_is_read(capsys):
    Progress(8, "search requests").advance(8)
    assert PROGRESS.search(capsys.readouterr().err).groups() == ("8", "8", "search requests")


def test_a_finished_step_is_one_line_with_its_figure(steps):
    steps.start("prepare judgements")
    steps.progress(3, 10, "rows")
    steps.finish(FACTS)
    assert said(steps).split() == ["prepare", "judgements", "0", "s", "1,100", "judgements"]


def test_a_step_that_was_stored_says_so_instead_of_seconds(steps):
    steps.start("train")
    steps.finish(FACTS, cached=True)
    assert said(steps).split() == ["train", "stored", "1,100", "judgements"] and steps.done[0].cached


def test_the_table_has_what_came_in_went_out_and_was_set_aside(steps):
    for name in ("prepare", "train"):
        steps.start(name)
        steps.finish(FACTS)
    steps.console.print(steps.table())
    assert said(steps).count("1,200     1,100        100  1,100 judgements") == 2
    assert "rows in" in said(steps) and "quarantined" in said(steps)


def test_a_step_that_did_not_end_is_not_in_the_table(steps):
    steps.start("fails")
    steps.drop_line()
    assert not steps.done and said(steps) == ""


def test_on_a_terminal_the_running_step_is_a_live_line_that_goes_when_the_step_ends():
    steps = Steps(Console(file=StringIO(), width=160, force_terminal=True))
    steps.start("distil student")
    steps.progress(4, 8, "steps")
    assert steps.live.is_started
    steps.finish(FACTS)
    assert steps.live is None and "4 of 8 steps, about 0 s left" in said(steps)
