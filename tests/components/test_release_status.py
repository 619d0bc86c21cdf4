"""What `make status` prints."""

import json

import pytest

from components.experiment_progress import ExperimentProgress
from components.release_state import Experiment, Intent, ReleaseState, Stage
from components.release_status import describe_state, state_json

TIME = "2026-11-30T20:00:00+00:00"


def serving(*stages, **changes):
    """Return a state in which b is tried against a."""
    experiment = Experiment("b-1", "salt", tuple(Stage(*stage) for stage in stages), **changes)
    return ReleaseState("a", "b", experiment=experiment)


@pytest.mark.parametrize(
    ("state", "line", "next_step"),
    [
        (ReleaseState(), "stable           none", "the nightly run registers the first version"),
        (ReleaseState("a"), "stage            no experiment yet", "the nightly run's gate releases the next candidate"),
        (serving((0.0, TIME)), "stage            dark: no users, since 2026-11-30 20:00 UTC (b-1)", "decides"),
        (serving((0.0, TIME, 0.2)), "stage            interleaved: 20% of users", "the next look"),
        (serving((0.0, TIME), (0.5, TIME)), "stage            A/B: 50% of users", "the next look"),
        (serving((0.5, TIME), is_paused=True), ", paused (b-1)", "nothing until `resume`"),
        (
            serving((0.5, TIME), status="promoted", end_time=TIME),
            "promoted, ended 2026-11-30 20:00 UTC",
            "the nightly run's gate",
        ),
    ],
)
def test_the_screen_says_stage_and_next_step(state, line, next_step):
    screen = describe_state(state, ExperimentProgress())
    assert line in screen and next_step in screen.split("\nnext")[1]


def test_an_open_move_is_shown_with_who_asked():
    state = ReleaseState("a", "b", intent=Intent("promote", "it is better", by="ada"))
    assert "intent           promote, by ada: it is better" in describe_state(state, ExperimentProgress())
    assert "release-control finishes the intent" in describe_state(state, ExperimentProgress())


def test_the_screen_shows_figures_and_the_next_look():
    progress = ExperimentProgress("continue", "not told", "RPM +1.00%", "none broken", "due at about noon")
    lines = describe_state(serving((0.5, TIME)), progress).splitlines()
    assert "preference       not told" in lines and "lift             RPM +1.00%" in lines
    assert "next             the next look of the pipeline `experiment` decides, due at about noon" in lines


def test_programs_get_the_whole_state():
    state = serving((0.5, TIME))
    assert json.loads(state_json(state)) == state.to_json()
