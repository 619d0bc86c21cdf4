"""What the release step applies, as the API server gets it: right by the schemas of its kinds and by KServe's rules."""

import pytest
import yaml

from components.kubernetes_api import KubernetesApi
from components.release.knative_router import KnativeRouter
from components.release.kserve import KServe
from components.release.standard_router import StandardRouter
from pipelines.cluster.kserve_rules import check_kserve
from testing.kubernetes_server import cluster
from tests.manifests.rendered import find_object, objects

ROUTERS = {
    "standard": lambda api: StandardRouter(KServe(api, "s3://broadfast/packages", timeout_s=1, rollout_s=1)),
    "knative": lambda api: KnativeRouter(KServe(api, "s3://broadfast/packages", timeout_s=1, rollout_s=1), arms=True),
}


@pytest.fixture(params=ROUTERS)
def applied(request):
    """All objects that stand in the middle of a ramp, the overlay's own routes beneath."""
    with cluster() as (state, api):
        for name in ("relevance", "relevance-edge"):
            state.apply(
                ("httproutes", name), find_object(objects("staging"), "HTTPRoute", name), "kubectl", force=False
            )
        router = ROUTERS[request.param](KubernetesApi("broadfast", api))
        router.serve("v1", "v2")
        router.set_traffic(25)
        return list(state.objects.values())


def test_they_hold_to_kserves_rules(applied):
    assert list(check_kserve(applied)) == []
    services = [it for it in applied if it["kind"] == "InferenceService"]
    assert len(services) in (1, 2)


def test_release_objects_hold_to_their_schemas(applied, schema_faults):
    assert schema_faults(yaml.safe_dump_all(applied)) == f"{len(applied)} objects, 0 faults\n"


def test_runtime_and_account_exist_in_overlays(applied):
    found = objects("staging")
    for service in (it for it in applied if it["kind"] == "InferenceService"):
        predictor = service["spec"]["predictor"]
        find_object(found, "ServiceAccount", predictor["serviceAccountName"])
        runtime = find_object(found, "ServingRuntime", predictor["model"]["runtime"])
        formats = [said["name"] for said in runtime["spec"]["supportedModelFormats"]]
        assert predictor["model"]["modelFormat"]["name"] in formats
        assert predictor["terminationGracePeriodSeconds"] >= 60


def test_every_port_of_a_route_is_said(applied):
    routes = [it for it in applied if it["kind"] == "HTTPRoute"]
    refs = [ref for route in routes for rule in route["spec"].get("rules", []) for ref in rule["backendRefs"]]
    assert all(ref["port"] == 80 for ref in refs)
