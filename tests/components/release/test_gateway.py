"""A gateway that does not answer: the candidate is not blamed, nothing is decided, and the state names the host."""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import pytest

from components import release_store, storage
from components.experiment_progress import ExperimentProgress
from components.release import canary
from components.release.candidate import EXPECTED
from components.release.drivers import LocalRelease, RemoteRelease
from components.release.gateway import UnreachableGateway
from components.release.parity import parity_through
from components.release.readiness import (
    gateway_problem,
    request_candidate,
    wait_at_interleaver,
    wait_until_serves,
)
from components.release.router import EnvoyRouter
from components.release_state import Intent
from components.release_status import describe_state
from components.release_store import read_state
from testing.release_world import ReleaseWorld
from testing.servers import JsonHandler, free_ports, serving

HANGS_UP = None
OF_STABLE = (200, "v1")
OF_CANDIDATE = (200, "v2")
RAMP = Intent("ramp", "because", percent=25)


class ByArm(JsonHandler):
    """Answers each arm with its status and version, or hangs up."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        answer = self.server.state[self.headers["x-arm"]]
        if answer is HANGS_UP:
            self.close_connection = True
            return
        self.send_response(answer[0])
        self.send_header("x-model-version", answer[1])
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def gateway(control, treatment):
    arms = {"control": control, "treatment": treatment}
    with serving(ByArm, arms) as url:
        yield url, arms


@pytest.fixture(params=["nobody listens", "no such name"])
def dead_url(request):
    if request.param == "no such name":
        return "http://gateway.invalid:8080"
    return f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture
def world(monkeypatch):
    """Return a release whose candidate v2 is dark."""
    world = ReleaseWorld("standard")
    monkeypatch.setattr(release_store, "_read", world.read)
    monkeypatch.setattr(release_store, "_write", world.write)
    world.run(["v2"])
    return world


def ask_through(world, url):
    """Have the release ask a gateway, as on a cluster."""
    world.reconciler.context = replace(
        world.reconciler.context,
        wait_ready=wait_until_serves(url, timeout_s=0.3),
        request_candidate=partial(request_candidate, url),
        gateway_problem=partial(gateway_problem, url),
    )


def look_verdict():
    experiment = read_state().experiment.to_json()
    return {"verdict": "ramp", "reason": "because", "next_share": 0.25} | experiment


def test_a_dead_gateway_blames_no_side(dead_url):
    for arm in ("treatment", "control"):
        with pytest.raises(UnreachableGateway, match=f"the gateway at {urlsplit(dead_url).netloc} does not answer"):
            wait_until_serves(dead_url, timeout_s=0.3)(arm, "v2")


@pytest.mark.parametrize("treatment", [HANGS_UP, (503, ""), (404, "")])
def test_a_candidate_is_blamed_where_stable_answers(treatment):
    with (
        gateway(OF_STABLE, treatment) as (url, _),
        pytest.raises(TimeoutError, match="treatment at .* is answered by nobody after 0 s, not by v2"),
    ):
        wait_until_serves(url, timeout_s=0.3)("treatment", "v2")


def test_an_interleaver_is_asked_at_its_address(dead_url):
    with gateway(OF_STABLE, OF_CANDIDATE) as (url, arms):
        wait = wait_at_interleaver(wait_until_serves(dead_url, timeout_s=0.3), url, timeout_s=0.3)
        arms["interleave"] = (200, "v1+v2")
        wait("interleave", "v1+v2")
        arms["interleave"] = HANGS_UP
        with pytest.raises(TimeoutError, match="is answered by nobody .* not by v1.v2: see `kubectl describe deploy"):
            wait("interleave", "v1+v2")
        with pytest.raises(UnreachableGateway):
            wait("treatment", "v2")


@pytest.mark.parametrize("both", [HANGS_UP, (404, ""), (503, "")])
def test_a_gateway_without_any_side_blames_none(both):
    with gateway(both, both) as (url, _), pytest.raises(UnreachableGateway, match="does not answer for either arm"):
        wait_until_serves(url, timeout_s=0.3)("treatment", "v2")


def test_a_dead_gateway_keeps_a_decision_open(world, dead_url):
    ask_through(world, dead_url)
    world.take(RAMP)
    world.settle(passes=3)
    state = read_state()
    assert (state.experiment.status, state.traffic_percent, state.intent) == ("running", 0, RAMP)
    screen = describe_state(state, ExperimentProgress())
    assert urlsplit(dead_url).netloc in state.gateway_problem and state.gateway_problem in screen
    whats = [entry.what for entry in state.history]
    assert whats.count("the gateway does not answer: nothing is decided") == 1


def test_an_open_decision_goes_on_with_the_gateway(world):
    with gateway(HANGS_UP, HANGS_UP) as (url, arms):
        ask_through(world, url)
        world.take(RAMP)
        world.settle(passes=1)
        arms.update(control=OF_STABLE, treatment=OF_CANDIDATE)
        world.settle()
    state = read_state()
    assert (state.traffic_percent, state.intent, state.gateway_problem) == (25, None, "")
    assert "the gateway answers again" in [entry.what for entry in state.history]


def test_a_silent_dark_candidate_is_rolled_back(world):
    with gateway(OF_STABLE, HANGS_UP) as (url, _):
        ask_through(world, url)
        world.take(RAMP)
        world.settle()
    assert read_state().experiment.status == "rolled back" and not read_state().gateway_problem


@pytest.mark.parametrize(
    ("control", "treatment", "status"),
    [
        (HANGS_UP, HANGS_UP, "running"),
        (OF_STABLE, HANGS_UP, "rolled back"),
        (HANGS_UP, (503, ""), "rolled back"),
        (OF_STABLE, OF_CANDIDATE, "running"),
    ],
)
def test_the_watch_blames_the_candidate_alone(world, control, treatment, status):
    world.take(RAMP)
    world.settle()
    with gateway(control, treatment) as (url, _):
        ask_through(world, url)
        for _ in range(3):
            world.settle(passes=1)
    assert read_state().experiment.status == status
    assert bool(read_state().gateway_problem) == (control is treatment is HANGS_UP)
    assert read_state().traffic_percent == (25 if status == "running" else 0)


def test_a_look_without_a_gateway_decides_nothing(world, dead_url):
    ask_through(world, dead_url)
    result = canary.move_traffic(look_verdict(), LocalRelease(world.reconciler.context))
    assert result.action_taken == "none" and result.reason.startswith("nothing is decided: the gateway at")
    assert read_state().experiment.status == "running" and read_state().gateway_problem


def test_a_waiting_step_names_the_gateway(world, dead_url):
    ask_through(world, dead_url)
    world.take(RAMP)
    world.settle(passes=1)
    with pytest.raises(UnreachableGateway, match=f"{urlsplit(dead_url).netloc} .*; 'ramp' stays open until it answers"):
        RemoteRelease(True, timeout_s=0, pause_s=0).finish()


def test_a_person_ends_an_experiment_without_a_gateway(world, dead_url):
    ask_through(world, dead_url)
    world.take(Intent("end", "enough", status="vetoed"))
    world.settle()
    assert read_state().experiment.status == "vetoed"


def test_an_admin_interface_that_is_away_is_named(tmp_path):
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(UnreachableGateway, match=f"Envoy's admin interface at {url} does not answer: .*refused"):
        EnvoyRouter(tmp_path, url).read_back()


@pytest.mark.slow
def test_parity_blames_no_candidate_of_a_dead_gateway(s3, dead_url):
    storage.put_json(EXPECTED.format(version="v2"), [{"query": "red shoes", "title": "red", "exact": 0.5}])
    with pytest.raises(UnreachableGateway, match="does not answer for either arm"):
        parity_through(dead_url, patience_s=0)("v2")
    with gateway(OF_STABLE, (503, "")) as (url, _):
        problem = parity_through(url, patience_s=0)("v2")
    assert problem == "the candidate does not answer 'red shoes' / 'red' through the gateway: status 503"
