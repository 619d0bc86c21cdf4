"""Which router the settings name, and what is said where there is none to speak to."""

import pytest

from components import kubernetes_api
from components.release import context
from components.release.knative_router import KnativeRouter
from components.release.router import EnvoyRouter
from components.release.standard_router import StandardRouter
from testing.kubernetes_server import cluster
from testing.servers import environment


@pytest.fixture
def kubernetes(monkeypatch):
    with cluster() as (state, api):
        monkeypatch.setattr(context, "connect", lambda: api)
        yield state


def router(**settings):
    with environment(**settings):
        return context.context_from_settings()


def test_on_a_laptop_it_is_envoy():
    assert isinstance(router(BROADFAST_ROUTER="envoy").router, EnvoyRouter)


def test_on_a_cluster_it_is_kserve_in_the_mode_that_is_said(kubernetes):
    asked = {"BROADFAST_S3_BUCKET": "models", "BROADFAST_STABLE_REPLICAS": "4", "BROADFAST_STABLE_REPLICAS_MOST": "9"}
    made = router(BROADFAST_ROUTER="standard", BROADFAST_NAMESPACE="shop", **asked).router
    assert isinstance(made, StandardRouter) and made.arms and made.kserve.packages == "s3://models/packages"
    made.serve("v1", None)
    predictor = kubernetes.objects[("inferenceservices", "relevance-stable")]["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (4, 9)
    assert (
        "PATCH",
        "/apis/serving.kserve.io/v1beta1/namespaces/shop/inferenceservices/relevance-stable",
    ) in kubernetes.asked


@pytest.mark.parametrize(("tags", "arms"), [("enabled", True), ("", False)])
def test_on_knative_arms_are_there_only_where_its_header_of_tags_is_on(kubernetes, tags, arms):
    made = router(BROADFAST_ROUTER="knative", BROADFAST_KNATIVE_TAGS=tags).router
    assert isinstance(made, KnativeRouter) and made.arms == arms


def test_without_arms_a_candidate_is_ready_when_knative_says_so(kubernetes):
    made = router(BROADFAST_ROUTER="knative")
    made.router.serve("v1", "v2")
    made.wait_ready("treatment", "v2")
    kubernetes.kserve = False
    with pytest.raises(TimeoutError, match=r"Knative has no ready revision of v2 \(treatment\) after 0 s"):
        context.wait_for_revision(made.router, timeout_s=0)("treatment", "v2")


def test_a_router_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="BROADFAST_ROUTER is 'istio'; give envoy, standard or knative"):
        router(BROADFAST_ROUTER="istio")


def test_outside_of_a_cluster_without_a_kubeconfig_there_is_no_kubernetes(monkeypatch, tmp_path):
    monkeypatch.setattr(kubernetes_api.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    kubernetes_api.connect.cache_clear()
    with pytest.raises(ValueError, match="no Kubernetes to speak to: neither a pod's service account nor a kubeconfig"):
        router(BROADFAST_ROUTER="standard")
