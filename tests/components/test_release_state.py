"""The release's state on a real S3, and its JSON."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from components import storage
from components.release_state import Intent, ReleaseState, replay
from components.release_store import STATE, read_state, update_state
from testing.faulty_s3 import faulty

DOCUMENT = {  # as a platform of an earlier version left it
    "stable": "v1",
    "candidate": "v2",
    "queued": None,
    "traffic_percent": 25,
    "experiment": {
        "experiment_id": "v2-20260105T000000Z",
        "salt": "v2-20260105T000000Z",
        "stages": [{"share": 0.25, "started": "2026-01-05T00:00:00+00:00"}],
        "status": "running",
        "paused": False,
    },
    "intent": {"word": "ramp", "percent": 50, "reason": "no guardrail is broken"},
    "corrections": 1,
    "gateway_problem": "",
    "share_problem": "",
    "revision": 7,
    "history": [
        {
            "time": "2026-01-05T00:00:00.000+00:00",
            "what": "decided: ramp",
            "percent": 50,
            "reason": "no guardrail is broken",
            "changed": {"revision": 7},
        }
    ],
}


def test_the_document_comes_back_as_it_was():
    assert ReleaseState.from_json(DOCUMENT).to_json() == DOCUMENT


def test_a_document_is_read_into_types():
    state = ReleaseState.from_json(DOCUMENT)
    assert state.running_experiment.share == 0.25
    assert state.intent == Intent("ramp", "no guardrail is broken", percent=50)
    assert (state.history[0].reason, state.history[0].by) == ("no guardrail is broken", "")


def test_an_interleaved_stage_comes_back():
    interleaved = {"share": 0.0, "started": "2026-01-06T00:00:00+00:00", "interleaved": 0.2}
    stages = [*DOCUMENT["experiment"]["stages"], interleaved]
    document = DOCUMENT | {"experiment": DOCUMENT["experiment"] | {"stages": stages}}
    state = ReleaseState.from_json(document)
    assert state.to_json() == document and state.experiment.interleaved_share == 0.2
    assert state.needs_interleaver
    ended = Intent("end", "vetoed by hand", status="vetoed")
    assert not replace(state, intent=ended).needs_interleaver


def test_an_ended_experiment_does_not_run():
    ended = DOCUMENT["experiment"] | {"status": "rolled back", "ended": "2026-01-05T01:00:00+00:00"}
    state = ReleaseState.from_json(DOCUMENT | {"candidate": None, "experiment": ended})
    assert state.running_experiment is None and state.to_json()["experiment"] == ended


@pytest.mark.slow
def test_before_the_first_release_the_state_is_empty(s3):
    assert read_state() == ReleaseState()


@pytest.mark.slow
def test_every_change_is_a_revision_in_the_history(s3):
    state = update_state(lambda state: replace(state, stable="v1"), "first", version="v1")
    assert state == read_state() == replay(state.history)
    entry = state.history[0].to_json()
    assert (state.revision, entry["what"], entry["version"]) == (1, "first", "v1")


@pytest.mark.slow
def test_a_change_that_changes_nothing_writes_nothing(s3):
    update_state(lambda state: replace(state, stable="v1"), "first")
    assert update_state(lambda state: replace(state, stable="v1"), "again").revision == 1


def add_one_percent(state):
    return replace(state, traffic_percent=state.traffic_percent + 1)


@pytest.mark.slow
def test_four_writers_at_once_lose_no_update(s3):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: update_state(add_one_percent, f"by {number}"), range(12)))
    state = read_state()
    assert (state.traffic_percent, state.revision, len(state.history)) == (12, 12, 12)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["before", "after", "silent"])
def test_an_update_counts_once_when_s3_fails(s3, fault):
    update_state(add_one_percent, "first")
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], fault):
        assert update_state(add_one_percent, "second").traffic_percent == 2
    assert json.loads(storage.get_bytes(STATE))["revision"] == 2


@pytest.mark.slow
def test_an_empty_document_is_no_empty_release(s3):
    storage.put_bytes(STATE, b"")
    with pytest.raises(ValueError, match="release/state.json is empty, so which version serves is not known"):
        read_state()
