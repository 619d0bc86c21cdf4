"""The release's page: what is shown, and orders that only release control carries out."""

import re
from dataclasses import replace

import pytest

from components import storage
from components.release_state import Experiment, ReleaseState, Stage
from components.release_store import read_state, update_state

pytestmark = pytest.mark.slow
EXPERIMENT = Experiment("e1", "salt", (Stage(0.05, "2026-01-05T04:00:00+00:00"),))
RUNNING = ReleaseState("student-old", "student-new", traffic_percent=5, experiment=EXPERIMENT)
LOOK = {
    "now": "2026-01-05T06:00:00+00:00",
    "verdict": "continue",
    "reason": "no answer yet",
    "figures": {
        "share": 0.05,
        "users": {"control": 95, "treatment": 5},
        "metrics": {"rpm": {"estimate": 0.02, "low": -0.1, "high": 0.14, "difference_type": "relative"}},
        "guardrails": {"breaches": ["p99 latency rose by 60%"], "note": "checked"},
    },
}


def order(browser, action, path="/release/orders", **fields):
    form = {"action": action, "by": "ada", "reason": "seen by hand", "revision": read_state().revision}
    return browser.post(path, "/release", **form | fields)


@pytest.fixture
def running(browser):
    """Return a browser while an experiment runs."""
    update_state(lambda _: RUNNING, "begun by the pipeline")
    return browser


def test_looks_and_history_are_shown(running):
    storage.put_json("experiment/e1/looks/5-percent/2026-01-05T060000.json", LOOK)
    text = running.get("/release").text
    assert "A/B: 5% of users" in text and "begun by the pipeline" in text
    assert "+0.0200" in text and "-0.1000 to +0.1400" in text and "p99 latency rose by 60%" in text
    assert text.count('class="interval"') == 1


def test_an_interleaved_look_shows_the_preference(running):
    interval = {"estimate": 0.08, "low": 0.02, "high": 0.14}
    preference = {"credit": "vote", "preference": {"vote": interval}, "verdict": "prefer", "reason": "users like it"}
    look = LOOK | {"preference": preference, "figures": {"share": 0.0}}
    storage.put_json("experiment/e1/looks/interleaved/2026-01-05T060000.json", look)
    text = running.get("/release").text
    assert "preference, vote" in text and "+0.0200 to +0.1400" in text and "prefer: users like it" in text


def test_an_order_is_confirmed_before_it_is_given(running):
    answer = order(running, "pause", "/release/confirm")
    assert "Pause?" in answer.text and "seen by hand" in answer.text
    assert not read_state().experiment.is_paused


def test_a_pause_goes_through_release_control(running):
    answer = order(running, "pause")
    assert "Done: Pause" in answer.text and ", paused" in answer.text
    entry = read_state().history[-1]
    assert read_state().experiment.is_paused and (entry.by, entry.reason) == ("ada", "seen by hand")


def test_what_looks_like_an_option_is_a_reason(running):
    order(running, "pause", reason="--help", by="-x")
    assert (read_state().history[-1].reason, read_state().history[-1].by) == ("--help", "-x")


def test_an_order_on_an_old_state_is_refused(running):
    update_state(lambda state: replace(state, corrections=1), "traffic was set back")
    answer = order(running, "pause", revision=1)
    assert answer.status_code == 409 and "has changed since you looked" in answer.text
    assert not read_state().experiment.is_paused


@pytest.mark.parametrize("action", ["resume", "canary", "delete"])
def test_what_is_not_offered_is_refused(running, action):
    assert order(running, action).status_code == 409


def test_an_order_needs_name_and_reason(running):
    assert order(running, "pause", reason=" ").status_code == 422
    assert order(running, "pause", by="").status_code == 422


def test_refusals_of_release_control_are_shown(running, monkeypatch):
    monkeypatch.setattr("workbench.release_commands.CONTROL", ("sh", "-c", "echo no gateway answers >&2; exit 1"))
    answer = order(running, "promote")
    assert answer.status_code == 409 and "Release control refused: no gateway answers" in answer.text


def test_an_idle_release_offers_registered_versions(browser):
    update_state(lambda _: ReleaseState("student-old"), "registered")
    assert "There is nothing to decide" in browser.get("/release").text
    storage.put_json("packages/student-new/lineage.json", {})
    storage.put_json("packages/student-old/lineage.json", {})
    text = browser.get("/release").text
    assert re.findall(r"<option>([\w-]+)", text) == ["student-new"] and "Try a version" in text
    assert order(browser, "canary", version="student-9", percent=5).status_code == 409
