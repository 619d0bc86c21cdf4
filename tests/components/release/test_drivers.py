"""Steps and commands on a cluster write decisions down, and release-control carries them out."""

import threading
import time

import pytest

from components import release_store
from components.release import canary
from components.release.decisions import decide
from components.release.drivers import LocalRelease, RemoteRelease, release_from_settings
from components.release_state import Intent
from components.release_store import read_state
from testing.release_world import ReleaseWorld
from testing.servers import environment


@pytest.fixture
def world(monkeypatch):
    world = ReleaseWorld("standard")
    monkeypatch.setattr(release_store, "_read", world.read)
    monkeypatch.setattr(release_store, "_write", world.write)
    world.run(["v2"])
    return world


def look_verdict(verdict):
    experiment = read_state().experiment.to_json()
    return {"verdict": verdict, "reason": "because", "next_share": 0.25} | experiment


def test_a_step_waits_until_release_control_is_done(world):
    def reconcile_later():
        time.sleep(0.05)
        world.settle()

    thread = threading.Thread(target=reconcile_later)
    thread.start()
    result = canary.move_traffic(look_verdict("ramp"), RemoteRelease(True, timeout_s=10, pause_s=0.01))
    thread.join()
    assert (result.action_taken, result.traffic_percent) == ("ramp", 25)
    assert world.api.cluster.traffic() == {"v1": 0.75, "v2": 0.25}


def test_without_release_control_a_step_names_its_log(world):
    decide(Intent("ramp", "-", percent=25))
    with pytest.raises(TimeoutError, match="has not carried out 'ramp' after 0 s: see `kubectl logs deploy/release-c"):
        RemoteRelease(True, timeout_s=0, pause_s=0).finish()


def test_without_arms_a_step_decides_nothing(world):
    result = canary.move_traffic(look_verdict("promote"), RemoteRelease(has_arms=False))
    assert result.action_taken == "none" and result.reason.startswith("rollout only, no verdict: ")
    assert not read_state().intent


@pytest.mark.parametrize(("router", "tags", "has_arms"), [("standard", "", True), ("knative", "", False)])
def test_on_a_cluster_release_control_moves_traffic(router, tags, has_arms):
    with environment(BROADFAST_ROUTER=router, BROADFAST_KNATIVE_TAGS=tags):
        release = release_from_settings()
    assert isinstance(release, RemoteRelease) and release.has_arms == has_arms


def test_on_a_laptop_the_process_moves_traffic():
    with environment(BROADFAST_ROUTER="envoy"):
        assert isinstance(release_from_settings(), LocalRelease)
