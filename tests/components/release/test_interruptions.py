"""A release that is killed before any of its calls: no version ever gets more than its share, and the end is right.

The double of the API server records, after each round of the controllers, what a request without an arm would meet.
"""

from dataclasses import replace
from itertools import product

import pytest

from components import release_store
from components.release.kserve import INTERLEAVER
from components.release_state import Intent, replay
from components.release_store import read_state
from testing.release_world import ROUTERS, ReleaseWorld

RAMP = [Intent("ramp", "-", percent=25), Intent("ramp", "-", percent=50)]
REJECTED = ["v2", *RAMP, Intent("end", "-", status="rolled back")]
SEQUENCES = {
    "rejected": REJECTED,
    "promoted": ["v2", *RAMP, Intent("promote", "-")],
    "rejected, then the next": [*REJECTED, "v3", *RAMP, Intent("promote", "-")],
    "the next waits": ["v2", "v3", *RAMP, Intent("end", "-", status="vetoed"), *RAMP],
    "interleaved": ["v2", Intent("interleave", "-", percent=20), *RAMP, Intent("promote", "-")],
    "rejected by preference": ["v2", Intent("interleave", "-", percent=20), Intent("end", "-", status="rolled back")],
    "back from everything": ["v2", Intent("ramp", "-", percent=100), Intent("end", "-", status="vetoed"), "v3", *RAMP],
}


@pytest.fixture
def new_world(monkeypatch):
    def start(mode):
        world = ReleaseWorld(mode)
        monkeypatch.setattr(release_store, "_read", world.read)
        monkeypatch.setattr(release_store, "_write", world.write)
        return world

    return start


def outcome(world):
    """Return what is served at the end, and what the state says."""
    state = read_state()
    if not state.intent and ("deployments", INTERLEAVER) in world.api.cluster.objects:
        size = world.api.cluster.objects["deployments", INTERLEAVER]["spec"].get("replicas", 1)
        assert not size or state.needs_interleaver or world.mode == "knative"
    return world.api.cluster.traffic(), state.stable, state.candidate, state.traffic_percent, state.intent


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "sequence"), list(product(ROUTERS, SEQUENCES)))
def test_a_kill_before_any_call_changes_no_end(new_world, mode, sequence):
    undisturbed = new_world(mode)
    calls = undisturbed.run(SEQUENCES[sequence])
    assert not undisturbed.violations
    expected = outcome(undisturbed)
    for kill_at in range(2, calls + 1):  # the first one writes the baseline
        world = new_world(mode)
        world.api.calls.kill_at = kill_at
        world.run(SEQUENCES[sequence])
        assert not world.violations, (kill_at, world.violations)
        assert outcome(world) == expected, kill_at


@pytest.mark.parametrize("fails_every", [7, 11, 23])
@pytest.mark.parametrize("mode", ROUTERS)
def test_a_server_that_refuses_calls_changes_no_end(new_world, mode, fails_every):
    events = SEQUENCES["rejected, then the next"]
    world = new_world(mode)
    world.api.calls.fails_every = fails_every
    world.run(events, passes=200)
    assert not world.violations and outcome(world) == ({"v3": 1.0}, "v3", None, 0, None)


@pytest.mark.parametrize("start", range(5, 125, 8))
@pytest.mark.parametrize("mode", ROUTERS)
def test_a_server_that_was_away_changes_no_end(new_world, mode, start):
    world = new_world(mode)
    world.api.calls.away = range(start, start + 10)
    world.run(SEQUENCES["rejected, then the next"], passes=40)
    assert not world.violations and outcome(world) == ({"v3": 1.0}, "v3", None, 0, None)


@pytest.mark.parametrize("mode", ROUTERS)
def test_the_undisturbed_end_is_right(new_world, mode):
    ends = {}
    for name, events in SEQUENCES.items():
        world = new_world(mode)
        world.run(events)
        ends[name] = outcome(world)
    half = {"v1": 0.5, "v3": 0.5}
    expected = {
        "rejected": ({"v1": 1.0}, "v1", None, 0, None),
        "promoted": ({"v2": 1.0}, "v2", None, 0, None),
        "rejected, then the next": ({"v3": 1.0}, "v3", None, 0, None),
        "the next waits": (half, "v1", "v3", 50, None),
        "interleaved": ({"v2": 1.0}, "v2", None, 0, None),
        "rejected by preference": ({"v1": 1.0}, "v1", None, 0, None),
        "back from everything": (half, "v1", "v3", 50, None),
    }
    assert ends == expected


@pytest.mark.parametrize("mode", ROUTERS)
def test_pods_that_start_late_give_no_version_more(new_world, mode):
    world = new_world(mode)
    world.run(["v2", *RAMP])
    world.api.cluster.starts_pods = False
    world.take(Intent("end", "-", status="rolled back"))
    world.reconciler.context.router.kserve = replace(world.kserve, timeout_s=0.05, rollout_s=0.05)
    world.settle(passes=3)
    assert not world.violations and world.api.cluster.traffic() == {"v1": 1.0}
    world.api.cluster.starts_pods = True
    world.settle()
    assert not world.violations and outcome(world) == ({"v1": 1.0}, "v1", None, 0, None)


@pytest.mark.parametrize("mode", ROUTERS)
def test_a_candidate_without_pods_is_out_in_seconds(new_world, mode):
    world = new_world(mode)
    world.run(["v2", *RAMP])
    began = world.seconds
    world.api.cluster.unready.add("v2")
    while read_state().traffic_percent:
        world.settle(passes=1)
    assert world.seconds - began <= 30 and world.api.cluster.traffic() == {"v1": 1.0}
    assert read_state().experiment.status == "rolled back"
    assert "the candidate does not serve: no pod of the" in read_state().history[-1].reason


@pytest.mark.parametrize("mode", ROUTERS)
def test_a_failing_candidate_is_out_before_its_ramp(new_world, mode):
    world = new_world(mode)
    world.run(["v2", *RAMP])
    world.take(Intent("ramp", "-", percent=75))
    world.statuses = [500] * 5 + [200] * 5
    world.settle(passes=1)
    assert world.api.cluster.traffic() == {"v1": 1.0} and read_state().traffic_percent == 0
    assert "answers 5 of 10 requests with an error, over 1.0%" in read_state().history[-1].reason


@pytest.mark.parametrize("mode", ROUTERS)
def test_traffic_moved_by_hand_comes_back(new_world, mode):
    world = new_world(mode)
    world.run(["v2", *RAMP])
    world.reconciler.context.router.set_traffic(90)
    world.settle()
    assert world.api.cluster.traffic() == {"v1": 0.5, "v2": 0.5} and read_state().corrections == 1


def test_a_pass_that_fails_is_printed_once(new_world, capsys):
    world = new_world("standard")
    world.run(["v2"])
    world.api.cluster.gateway = False
    world.reconciler.context.router.kserve = replace(world.kserve, timeout_s=0)
    for _ in range(3):
        world.reconciler.pass_once()
    assert capsys.readouterr().err.count("no gateway has taken 0% from the HTTPRoute relevance") == 1


@pytest.mark.parametrize("mode", ROUTERS)
def test_interleaving_serves_both_and_keeps_traffic(new_world, mode):
    world = new_world(mode)
    world.run(["v2", Intent("interleave", "-", percent=20)])
    state = read_state()
    assert state.experiment.interleaved_share == 0.2 and not world.violations
    assert world.arm_versions("interleave") == {"v1+v2"} and world.api.cluster.traffic() == {"v1": 1.0}
    assert replay(state.history) == state


def test_an_interleaved_candidate_without_pods_is_out(new_world):
    world = new_world("standard")
    world.run(["v2", Intent("interleave", "-", percent=20)])
    world.api.cluster.unready.add("v2")
    began = world.seconds
    while read_state().running_experiment:
        world.settle(passes=1)
    assert world.seconds - began <= 30 and read_state().experiment.status == "rolled back"
    world.settle()
    assert world.arm_versions("interleave") == {"v1"}
