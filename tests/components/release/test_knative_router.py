"""KServe in Knative mode: the newest revision's share, and what comes after an experiment; the client is real."""

import pytest

from components.kubernetes_api import KubernetesApi
from components.release.knative_router import KnativeRouter
from components.release.kserve import KServe
from testing.kubernetes_server import cluster


@pytest.fixture
def router_and_cluster():
    with cluster() as (state, api):
        kserve = KServe(KubernetesApi("shop", api), "s3://models/packages", timeout_s=0.5, rollout_s=0.5, pause_s=0.01)
        yield KnativeRouter(kserve, arms=True), state


@pytest.fixture
def state(router_and_cluster):
    return router_and_cluster[1]


@pytest.fixture
def router(router_and_cluster):
    return router_and_cluster[0]


def desired(state):
    """Return the version and the percentage in the InferenceService's spec."""
    predictor = state.objects[("inferenceservices", "relevance")]["spec"]["predictor"]
    uri = predictor["model"]["storageUri"]
    return uri.removeprefix("s3://models/packages/"), predictor.get("canaryTrafficPercent")


def revisions(state):
    return [revision.version for revision in state.knative.revisions]


def test_stable_alone_has_no_percentage(state, router):
    router.serve("v1", None)
    assert desired(state) == ("v1/", None) and router.read_back() == 0


def test_a_candidate_is_the_newest_revision_without_traffic(state, router):
    router.serve("v1", "v2")
    assert desired(state) == ("v2/", 0) and revisions(state) == ["v1", "v2"]
    assert state.traffic() == {"v1": 1}
    router.set_traffic(25)
    assert router.read_back() == 25
    router.serve("v1", "v2")
    assert router.read_back() == 25


def test_promotion_takes_the_percentage_away_and_repeats(state, router):
    router.serve("v1", "v2")
    for _ in range(2):
        router.set_traffic(100)
        router.promote("v2")
        router.set_traffic(0)
        router.serve("v2", None)
        assert desired(state) == ("v2/", None) and state.traffic() == {"v2": 1}


def test_promotion_ends_though_observed_generation_stays(state, router):
    router.serve("v1", "v2")
    router.set_traffic(100)
    router.promote("v2")
    service = state.read(("inferenceservices", "relevance"))
    assert service["status"]["observedGeneration"] < service["metadata"]["generation"]


def test_after_a_roll_back_stable_runs_alone_again(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    router.roll_back()
    assert router.read_back() == 0
    router.serve("v1", None)
    assert desired(state) == ("v1/", None) and state.traffic() == {"v1": 1}


def test_a_rejected_candidate_leaves_without_traffic(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    router.roll_back()
    state.is_slow = True
    state.starts_pods = False  # stable's copy needs long
    state.record.clear()
    with pytest.raises(TimeoutError, match="newest revision of relevance in shop is no ready one of v1"):
        router.serve("v1", None)
    state.starts_pods = True
    router.serve("v1", None)
    assert all(traffic == {"v1": 1} for traffic in state.record)
    assert desired(state) == ("v1/", None)


def test_the_next_candidate_splits_with_stable(state, router):
    router.serve("v1", "v2")
    router.roll_back()
    router.serve("v1", "v3")
    assert desired(state) == ("v3/", 0) and state.traffic() == {"v1": 1}
    router.set_traffic(25)
    assert state.traffic() == {"v1": 0.75, "v3": 0.25}


def test_a_share_of_everything_can_be_taken_back(state, router):
    router.serve("v1", "v2")
    router.set_traffic(100)
    state.is_slow = True
    router.roll_back()
    assert router.read_back() == 0 and state.traffic() == {"v1": 1}


def test_traffic_without_a_candidate_is_refused(router):
    router.serve("v1", None)
    router.set_traffic(0)
    with pytest.raises(ValueError, match="relevance runs v1 alone: there is no candidate to get 25%"):
        router.set_traffic(25)


def test_a_version_that_never_starts_is_named(state, router):
    router.serve("v1", None)
    state.starts_pods = False
    with pytest.raises(TimeoutError, match="no ready one of v2: .*kubectl describe isvc relevance"):
        router.promote("v2")


def test_an_interleaver_starts_and_stays(state, router):
    deployment = {"metadata": {"name": "relevance-interleaver"}, "spec": {"template": {}}}
    state.apply(("deployments", "relevance-interleaver"), deployment, "kubectl", force=False)
    router.serve(None, None)
    assert interleaver_pods(state) == 0
    router.serve("v1", "v2")
    assert interleaver_pods(state) == 0
    router.serve("v1", "v2", interleaves=True)
    assert interleaver_pods(state) == 2 and desired(state) == ("v2/", 0)
    router.serve("v1", None)
    assert interleaver_pods(state) == 2  # callers may still send it users


def interleaver_pods(state):
    return state.objects[("deployments", "relevance-interleaver")]["spec"]["replicas"]


def test_it_interleaves_only_by_tags(router):
    assert router.can_interleave and not KnativeRouter(router.kserve, arms=False).can_interleave


def test_tags_are_asked_for(state, router):
    router.serve("v1", None)
    annotations = state.objects[("inferenceservices", "relevance")]["metadata"]["annotations"]
    assert annotations["serving.kserve.io/enable-tag-routing"] == "true"


def test_a_candidate_waits_for_stable_after_a_kill(state, router):
    state.starts_pods = False
    router.serve("v1", None)
    with pytest.raises(TimeoutError, match="relevance in shop is no ready one of v1"):
        router.serve("v1", "v2")
    assert desired(state) == ("v1/", None)
