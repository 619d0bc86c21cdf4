"""Which router the settings name, and errors where there is none to reach."""

import pytest

from components import kubernetes_api
from components.release import context
from components.release.knative_router import KnativeRouter
from components.release.router import EnvoyRouter
from components.release.standard_router import StandardRouter
from testing.kubernetes_server import apply_overlay, cluster
from testing.servers import environment


@pytest.fixture
def kubernetes(monkeypatch):
    with cluster() as (state, api):
        apply_overlay(state)
        monkeypatch.setattr(kubernetes_api, "connect", lambda: api)
        yield state


def context_for(**settings):
    with environment(**settings):
        return context.context_from_settings()


def test_on_a_laptop_it_is_envoy():
    assert isinstance(context_for(BROADFAST_ROUTER="envoy").router, EnvoyRouter)


def test_standard_mode_takes_bucket_and_sizes_from_settings(kubernetes):
    sizes = {"BROADFAST_STABLE_REPLICAS": "4", "BROADFAST_STABLE_REPLICAS_MOST": "9"}
    settings = {"BROADFAST_S3_BUCKET": "models", "BROADFAST_NAMESPACE": "shop"} | sizes
    router = context_for(BROADFAST_ROUTER="standard", **settings).router
    assert isinstance(router, StandardRouter) and router.arms and router.kserve.packages == "s3://models/packages"
    router.serve("v1", None)
    predictor = kubernetes.objects[("inferenceservices", "relevance-stable")]["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (4, 9)
    path = "/apis/serving.kserve.io/v1beta1/namespaces/shop/inferenceservices/relevance-stable"
    assert ("PATCH", path) in kubernetes.requests


@pytest.mark.parametrize(("tags", "has_arms"), [("enabled", True), ("", False)])
def test_knative_has_arms_only_with_tags(kubernetes, tags, has_arms):
    router = context_for(BROADFAST_ROUTER="knative", BROADFAST_KNATIVE_TAGS=tags).router
    assert isinstance(router, KnativeRouter) and router.arms == has_arms


def test_without_arms_knative_says_who_is_ready(kubernetes):
    knative = context_for(BROADFAST_ROUTER="knative")
    knative.router.serve("v1", "v2")
    knative.wait_ready("treatment", "v2")
    with pytest.raises(TimeoutError, match=r"no ready one of v3: KServe has not made it yet \(treatment\) after 0 s"):
        context.wait_for_revision(knative.router, timeout_s=0)("treatment", "v3")


def test_another_router_is_refused():
    with pytest.raises(ValueError, match="BROADFAST_ROUTER is 'istio'; give envoy, standard or knative"):
        context_for(BROADFAST_ROUTER="istio")


def test_outside_of_a_cluster_a_kubeconfig_is_needed(monkeypatch, tmp_path):
    monkeypatch.setattr(kubernetes_api.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    kubernetes_api.connect.cache_clear()
    with pytest.raises(ValueError, match="no Kubernetes to speak to: neither a pod's service account nor a kubeconfig"):
        context_for(BROADFAST_ROUTER="standard")
