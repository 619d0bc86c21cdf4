"""What `make status` says of an experiment's looks."""

from datetime import UTC, datetime, timedelta

import pytest

from components import storage
from components.experiment_progress import (
    describe_guardrails,
    describe_lift,
    describe_next_look,
    describe_preference,
    read_progress,
)
from components.look_store import StoredLook, list_looks, look_name
from components.release_state import Experiment, Stage

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
DARK = Stage(0.0, START.isoformat())
PAGES = Stage(0.0, START.isoformat(), 0.2)
ARMS = Stage(0.5, START.isoformat())
LIFT = {"estimate": 0.021, "low": -0.004, "high": 0.046, "difference_type": "relative"}
FIGURES = {"metrics": {"rpm": LIFT}, "users": {"control": 700, "treatment": 712}}
GUARDRAILS = {"breaches": [], "note": "checked"}


def stored(minute, stage=ARMS, is_paused=False):
    time = (START + timedelta(minutes=minute)).isoformat()
    return StoredLook.from_name(look_name("e1", stage, is_paused, time))


def test_a_name_keeps_stage_pause_and_time():
    look = stored(15, PAGES, is_paused=True)
    assert look.name == "experiment/e1/looks/interleaved-paused/2026-01-05T081500+0000.json"
    assert (look.is_interleaved, look.is_paused, look.is_of_arms) == (True, True, False)
    assert look.time == START + timedelta(minutes=15)
    assert not stored(0, DARK).is_of_arms and stored(0).stage == "50-percent"


@pytest.mark.parametrize(
    ("minute", "sentence"),
    [
        (16, "due at about 2026-01-05 08:30 UTC: the last two were 15 minutes apart"),
        (46, "due since 2026-01-05 08:30 UTC: the last two were 15 minutes apart; see whether its schedule is on"),
    ],
)
def test_the_next_look_follows_the_pace(minute, sentence):
    looks = [stored(0), stored(15)]
    assert describe_next_look(looks, START + timedelta(minutes=minute)) == sentence
    assert describe_next_look(looks[:1], START) == ""


def test_a_lift_shows_interval_and_users():
    assert describe_lift(FIGURES) == "RPM +2.10% (-0.40% to +4.60%, valid at every look), 1,412 users"
    absolute = {"metrics": {"rpm": LIFT | {"difference_type": "absolute"}}, "users": {"control": 1}}
    assert describe_lift(absolute).startswith("RPM +0.021 (-0.004 to +0.046")
    none = {"metrics": {"rpm": None}, "no_lift_reason": "nothing was sold", "users": {}}
    assert describe_lift(none) == "none: nothing was sold"


def test_guardrails_say_what_is_broken():
    assert describe_guardrails(GUARDRAILS) == "none broken (checked)"
    assert describe_guardrails({"breaches": ["errors", "latency"], "note": "checked"}) == "broken: errors; latency"


def test_nothing_measured_is_not_shown():
    assert (describe_preference({}), describe_lift({}), describe_guardrails({})) == ("", "", "")


@pytest.mark.slow
def test_each_figure_is_from_its_own_last_look(s3):
    looks = [
        (0, DARK, {"verdict": "interleave", "reason": "on", "figures": {"guardrails": GUARDRAILS}}),
        (15, PAGES, {"preference": {"verdict": "not told", "reason": "vote +0.0100"}}),
        (30, PAGES, {"preference": {"verdict": "candidate's items are preferred", "reason": "vote +0.2000"}}),
        (45, ARMS, {"verdict": "continue", "reason": "no answer", "figures": FIGURES | {"guardrails": GUARDRAILS}}),
    ]
    experiment = Experiment("progress", "salt", (DARK, PAGES, ARMS))
    assert read_progress(experiment, START).last_look == "no look yet"
    for minute, stage, document in looks:
        time = (START + timedelta(minutes=minute)).isoformat()
        storage.put_json(look_name("progress", stage, False, time), document)
    progress = read_progress(experiment, START + timedelta(minutes=50))
    assert progress.last_look == "continue, at 2026-01-05 08:45 UTC: no answer"
    assert progress.preference == "candidate's items are preferred: vote +0.2000"
    assert progress.lift.startswith("RPM +2.10%") and progress.guardrails == "none broken (checked)"
    assert progress.next_look.startswith("due at about 2026-01-05 09:00 UTC")
    assert [look.stage for look in list_looks("progress")] == ["0-percent", "interleaved", "interleaved", "50-percent"]
