"""Which versions answer requests by share, counted by release-control through a gateway's double."""

from dataclasses import replace
from functools import partial
from itertools import cycle

import pytest

from components import release_store
from components.experiment_progress import ExperimentProgress
from components.release.readiness import NO_ANSWER, ArmAnswer, request_by_share
from components.release.version_count import REQUESTS, VersionCount
from components.release_state import Intent, ReleaseState
from components.release_status import describe_state
from components.release_store import read_state
from testing.release_world import ReleaseWorld
from testing.servers import JsonHandler, free_ports, serving

QUARTER = ReleaseState(stable="v1", candidate="v2", traffic_percent=25)


class ByShare(JsonHandler):
    """Answers requests without an arm by versions in turn, "" with an error, and any arm with another error."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        is_by_share = "x-arm" not in self.headers and "knative-serving-tag" not in self.headers
        version = next(self.server.state["versions"]) if is_by_share and self.headers["x-shadow"] == "1" else ""
        self.send_response(200 if version else 503)
        self.send_header("x-model-version", version)
        self.send_header("content-length", "0")
        self.end_headers()


def judge_counts(state: ReleaseState, counts: dict[str, int]) -> str | None:
    count = VersionCount()
    assert count.judge(state, []) is None
    answers = [[ArmAnswer(200 if version else 503, version)] * number for version, number in counts.items()]
    return count.judge(state, sum(answers, []))


@pytest.fixture
def world(monkeypatch):
    """Return a release whose candidate v2 has a quarter of the traffic."""
    world = ReleaseWorld("standard")
    monkeypatch.setattr(release_store, "_read", world.read)
    monkeypatch.setattr(release_store, "_write", world.write)
    world.run(["v2", Intent("ramp", "because", percent=25)])
    return world


def count_through(world, url, counts=1):
    """Have release-control count at a gateway as often as it takes for so many judgements."""
    context = world.reconciler.context
    world.reconciler.context = replace(context, request_by_share=partial(request_by_share, url, 100))
    for _ in range(1 + counts * REQUESTS // 100):
        world.reconciler.reconcile()


@pytest.mark.parametrize("counts", [{"v1": 300, "v2": 100}, {"v1": 330, "v2": 70}, {"v1": 200, "v2": 60, "": 140}])
def test_answers_by_the_share_raise_no_doubt(counts):
    assert judge_counts(QUARTER, counts) == ""


@pytest.mark.parametrize("candidate", [0, 50, 150, 400])
def test_another_share_is_named(candidate):
    problem = judge_counts(QUARTER, {"v1": 400 - candidate, "v2": candidate})
    assert problem == f"v2 answers {candidate} of 400 requests by share, where 25% is set"


def test_one_answer_by_a_dark_candidate_is_named():
    problem = judge_counts(replace(QUARTER, traffic_percent=0), {"v1": 399, "v2": 1})
    assert problem == "v2 answers 1 of 400 requests by share, where 0% is set"


def test_a_version_of_neither_side_is_named():
    assert judge_counts(QUARTER, {"v1": 299, "v0": 1, "v2": 100}) == "1 of 400 requests by share are answered by v0"


def test_too_few_answers_show_nothing():
    problem = judge_counts(QUARTER, {"v1": 90, "v2": 30, "": 280})
    assert problem.startswith("which versions answer cannot be seen: 120 of 400") and "status 503" in problem


def test_few_requests_are_not_judged():
    assert judge_counts(QUARTER, {"v1": 0, "v2": 399}) is None


def test_another_share_is_counted_anew():
    count = VersionCount()
    assert count.judge(QUARTER, []) is None
    assert count.judge(QUARTER, [ArmAnswer(200, "v2")] * 399) is None
    assert count.judge(replace(QUARTER, traffic_percent=50), [ArmAnswer(200, "v2")] * 400) is None
    assert not count.versions


def test_a_difference_stands_in_the_status_once(world):
    with serving(ByShare, {"versions": cycle(["v1"])}) as url:
        count_through(world, url, counts=3)
    state = read_state()
    assert state.share_problem == "v2 answers 0 of 400 requests by share, where 25% is set"
    assert state.share_problem in describe_state(state, ExperimentProgress())
    assert [entry.what for entry in state.history].count("requests are not answered by the share") == 1
    assert (state.traffic_percent, state.experiment.status) == (25, "running")


def test_a_difference_ends_with_right_answers(world):
    with serving(ByShare, {"versions": cycle(["v1"])}) as url:
        count_through(world, url)
    with serving(ByShare, {"versions": cycle(["v1", "v1", "v2", "v1"])}) as url:
        count_through(world, url)
    state = read_state()
    assert not state.share_problem and state.history[-1].what == "requests by share raise no doubt any more"


def test_a_gateway_out_of_reach_is_named(world):
    count_through(world, f"http://127.0.0.1:{free_ports(1)[0]}")
    assert read_state().share_problem.startswith("which versions answer cannot be seen: 0 of 400 requests by share")
    world.take(Intent("end", "enough", status="vetoed"))
    world.settle()
    assert not read_state().share_problem


def test_one_silent_request_stands_for_the_rest():
    answers = request_by_share(f"http://127.0.0.1:{free_ports(1)[0]}", requests=5)
    assert [answer.status for answer in answers] == [NO_ANSWER] * 5 and "refused" in answers[0].problem
