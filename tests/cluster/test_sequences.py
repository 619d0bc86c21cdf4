"""Whole releases, undisturbed and killed: the end is right, and no version ever has more than its share."""

from dataclasses import replace

import pytest

from components import release_store
from components.release.router import UNSETTLED
from components.release.standard_router import StandardRouter
from components.release_state import Intent
from components.release_store import read_state
from components.waiting import wait_until

pytestmark = [pytest.mark.needs("Kubernetes", "KServe", "Gateway API"), pytest.mark.slow]
RAMP = [Intent("ramp", "-", percent=25), Intent("ramp", "-", percent=50)]
REJECTED = ["v2", *RAMP, Intent("end", "-", status="rolled back")]
SEQUENCES = {
    "rejected": (REJECTED, ({"v1": 1.0}, "v1", None, 0, None)),
    "promoted": (["v2", *RAMP, Intent("promote", "-")], ({"v2": 1.0}, "v2", None, 0, None)),
    "rejected, then the next": (
        [*REJECTED, "v3", *RAMP, Intent("promote", "-")],
        ({"v3": 1.0}, "v3", None, 0, None),
    ),
}
MODES = ["standard", pytest.param("knative", marks=pytest.mark.needs("Kubernetes", "KServe", "Knative"))]


@pytest.fixture
def run_events(world, monkeypatch):
    """Return a function that runs events as one release, killed before one of its calls, and returns the calls."""

    def run(mode, name, kill_at=-1):
        events, expected = SEQUENCES[name]
        with world.release_run(mode) as release:
            monkeypatch.setattr(release_store, "_read", release.read)
            monkeypatch.setattr(release_store, "_write", release.write)
            release.calls.kill_at = kill_at
            calls = release.run(events)
            state = read_state()
            end = (release.traffic(), state.stable, state.candidate, state.traffic_percent, state.intent)
            assert end == expected, kill_at
        world.tally["releases"] += 1
        world.tally["killed"] += kill_at > 0
        world.tally["share violations"] += len(release.violations)
        assert not release.violations, (kill_at, release.violations)
        return calls

    return run


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("mode", MODES)
def test_a_release_ends_right_however_it_is_killed(run_events, world, mode, name):
    calls = run_events(mode, name)
    for kill_at in world.choose_kills(calls):
        run_events(mode, name, kill_at)


@pytest.fixture
def ramped(world, monkeypatch):
    """Yield a release whose candidate has a quarter of the traffic."""
    with world.release_run("standard") as release:
        monkeypatch.setattr(release_store, "_read", release.read)
        monkeypatch.setattr(release_store, "_write", release.write)
        release.run(["v2", RAMP[0]])
        assert release.traffic() == {"v1": 0.75, "v2": 0.25}
        yield release


def test_a_share_moves_weights_in_seconds(world, ramped):
    ramped.take(RAMP[1])
    seconds = ramped.seconds_until(lambda traffic: traffic == {"v1": 0.5, "v2": 0.5}, 30)
    world.figures["canary_to_weights_seconds"] = round(seconds, 2)
    assert seconds <= 5


def test_a_broken_candidate_is_out_in_seconds(world, ramped):
    ramped.break_version("v2")
    seconds = ramped.seconds_until(lambda traffic: traffic == {"v1": 1.0}, 60)
    world.figures["broken_candidate_out_seconds"] = round(seconds, 2)
    assert seconds <= 30 and read_state().experiment.status == "rolled back"


@pytest.mark.needs("Kubernetes", "KServe", "Gateway API", "Envoy Gateway")
def test_a_stable_without_pods_blames_no_candidate(ramped):
    ramped.break_version("v1")
    router = ramped.reconciler.context.router
    assert wait_until(router.read_back, lambda percent: percent == UNSETTLED, 30, 0.2) == UNSETTLED
    assert ramped.traffic() == {"": 0.75, "v2": 0.25}
    impatient = StandardRouter(replace(router.kserve, timeout_s=0.0))
    with pytest.raises(TimeoutError, match="a backend of the HTTPRoute has no pod .*relevance-stable-predictor"):
        impatient.set_traffic(25)
    assert read_state().experiment.status == "running"
