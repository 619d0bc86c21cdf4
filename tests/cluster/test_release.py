"""The release on KServe in Standard mode: rollouts as pods say them, weights, and a Secret that is missing."""

from dataclasses import replace

import pytest

from components.release.kserve import CANDIDATE, STABLE, KServe, Replicas
from components.release.router import UNSETTLED
from components.release.standard_router import StandardRouter
from components.waiting import wait_until
from tests.cluster.world import CERTIFICATE

pytestmark = [pytest.mark.slow, pytest.mark.needs("Kubernetes", "KServe", "Gateway API")]
MODELS = "broadfast-models"  # the Secret that KServe reads packages with


@pytest.fixture
def release(world):
    """Return a router of the world's namespace, and its Secrets, and take its services away afterwards."""
    with world.release_api() as (api, secrets):
        kserve = KServe(api, "s3://broadfast/packages", Replicas(1, 1, 1), world.rollout_s, world.rollout_s, 0.05)
        yield StandardRouter(kserve), secrets
        for name in (MODELS, CERTIFICATE):
            secrets.restore(name)
        for name in (STABLE, CANDIDATE):
            api.delete("InferenceService", name)


def hurry(router):
    """Return a router that waits half a minute at most, for what will not come."""
    seconds = min(30.0, router.kserve.rollout_s)
    return StandardRouter(replace(router.kserve, timeout_s=seconds, rollout_s=seconds))


def start_stable(router, version):
    """Serve a version alone: Envoy Gateway waits for its pods at its route, others at the promotion."""
    router.serve(version, None)
    router.promote(version)


def wait_for_stable(router, version):
    router.promote(version)
    return router.rollout_problem(STABLE, version)


def test_stable_is_served_as_its_pods_say(release):
    router, _ = release
    router.serve("v1", None)
    assert wait_for_stable(router, "v1") == ""
    assert "does not run v2 alone" in router.rollout_problem(STABLE, "v2")


def test_a_promotion_waits_for_new_pods(release):
    router, _ = release
    router.serve("v1", None)
    wait_for_stable(router, "v1")
    assert wait_for_stable(router, "v2") == ""


def test_a_candidate_starts_without_traffic(release):
    router, _ = release
    router.serve("v1", None)
    wait_for_stable(router, "v1")
    router.serve("v1", "v2")
    route = router.api.get("HTTPRoute", "relevance")
    weights = {ref["name"]: ref.get("weight") for ref in route["spec"]["rules"][-1]["backendRefs"]}
    assert weights[f"{STABLE}-predictor"] == 100 and not weights.get(f"{CANDIDATE}-predictor")


def test_pods_without_their_secret_are_refused(release):
    router, secrets = release
    secrets.withdraw(MODELS)
    with pytest.raises(TimeoutError, match='pods are refused: .*denied the request.*"broadfast-models" not found'):
        start_stable(hurry(router), "v1")


def test_a_secret_that_comes_late_is_enough(release):
    router, secrets = release
    secrets.withdraw(MODELS)
    with pytest.raises(TimeoutError):
        start_stable(hurry(router), "v1")
    secrets.restore(MODELS)
    assert wait_for_stable(router, "v1") == ""


@pytest.mark.needs("Kubernetes", "KServe", "Gateway API", "Envoy Gateway")
def test_no_certificate_no_move_of_traffic(release):
    router, secrets = release
    router.serve("v1", None)
    wait_for_stable(router, "v1")
    secrets.withdraw(CERTIFICATE)
    assert wait_until(router.read_back, lambda percent: percent == UNSETTLED, 30, 0.2) == UNSETTLED
    impatient = StandardRouter(replace(router.kserve, timeout_s=2.0))
    with pytest.raises(TimeoutError, match="the listener https of .* is not programmed .*relevance-tls does not exist"):
        impatient.set_traffic(0)
    secrets.restore(CERTIFICATE)
    router.set_traffic(0)
    assert router.read_back() == 0
