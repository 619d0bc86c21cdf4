"""KServe in Knative mode: the newest revision's share, and what is left when an experiment ends; the client is real."""

import pytest

from components.kubernetes_api import KubernetesApi
from components.release.knative_router import KnativeRouter
from components.release.kserve import KServe
from testing.kubernetes_server import cluster


@pytest.fixture
def here():
    with cluster() as (state, api):
        yield (
            state,
            KnativeRouter(
                KServe(KubernetesApi("shop", api), "s3://models/packages", timeout_s=0.5, rollout_s=0.5), arms=True
            ),
        )


def predictor(state):
    return state.objects[("inferenceservices", "relevance")]["spec"]["predictor"]


def runs(state):
    return predictor(state)["model"]["storageUri"].rpartition("/")[2], predictor(state).get("canaryTrafficPercent")


def test_stable_alone_has_no_percentage(here):
    state, router = here
    router.serve("v1", None)
    assert runs(state) == ("v1", None) and router.read_back() == 0


def test_a_candidate_is_the_newest_revision_at_nothing_beside_what_was_rolled_out(here):
    state, router = here
    router.serve("v1", "v2")
    assert runs(state) == ("v2", 0) and state.revisions == ["s3://models/packages/v1", "s3://models/packages/v2"]
    assert state.rolled_out == 0
    router.set_traffic(25)
    assert router.read_back() == 25
    router.serve("v1", "v2")
    assert router.read_back() == 25


def test_promotion_takes_the_percentage_away_and_repeats(here):
    state, router = here
    router.serve("v1", "v2")
    for _ in range(2):
        router.set_traffic(100)
        router.promote("v2")
        router.set_traffic(0)
        router.serve("v2", None)
        assert runs(state) == ("v2", None) and state.rolled_out == 1


def test_after_a_roll_back_the_object_says_the_stable_version_again(here):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(25)
    router.roll_back()
    assert router.read_back() == 0
    router.serve("v1", None)
    assert runs(state) == ("v1", None)


def test_the_next_candidate_splits_with_stable_and_not_with_the_one_that_failed(here):
    state, router = here
    router.serve("v1", "v2")
    router.roll_back()
    router.serve("v1", "v3")
    assert runs(state) == ("v3", 0)
    assert state.revisions[state.rolled_out].endswith("v1")


def test_traffic_without_a_candidate_is_refused(here):
    router = here[1]
    router.serve("v1", None)
    router.set_traffic(0)
    with pytest.raises(ValueError, match="relevance runs v1 alone: there is no candidate to get 25%"):
        router.set_traffic(25)


def test_a_version_that_does_not_roll_out_is_named(here):
    state, router = here
    state.kserve = False
    with pytest.raises(TimeoutError, match="relevance in shop does not run v2 after .*kubectl describe isvc relevance"):
        router.promote("v2")
    assert not router.is_ready()


def test_tags_are_asked_for_so_that_a_header_can_pick_a_revision(here):
    state, router = here
    router.serve("v1", None)
    annotations = state.objects[("inferenceservices", "relevance")]["metadata"]["annotations"]
    assert annotations["serving.kserve.io/enable-tag-routing"] == "true"


def test_a_release_that_was_killed_before_stable_was_rolled_out_waits_for_it_before_the_next_candidate(here):
    state, router = here
    router.serve("v1", None)
    state.kserve = False
    with pytest.raises(TimeoutError, match="relevance in shop does not run v1"):
        router.serve("v1", "v2")
    assert runs(state) == ("v1", None)
