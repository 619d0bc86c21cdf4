"""What the release applies, as the API server gets it: right by the schemas of its kinds and by KServe's rules."""

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
OVERLAY = [("HTTPRoute", "relevance"), ("HTTPRoute", "relevance-edge")]
OVERLAY += [("Gateway", "relevance-inside"), ("Gateway", "relevance-edge")]


@pytest.fixture(params=ROUTERS)
def release_objects(request):
    """Return all objects in the middle of a ramp, with the overlay's own routes."""
    with cluster() as (state, api):
        for kind, name in OVERLAY:
            key = (f"{kind.lower()}s", name)
            state.apply(key, find_object(objects("staging"), kind, name), "kubectl", force=False)
        router = ROUTERS[request.param](KubernetesApi("broadfast", api))
        router.serve("v1", "v2")
        router.set_traffic(25)
        return list(state.objects.values())


def test_they_hold_to_kserves_rules(release_objects):
    assert list(check_kserve(release_objects)) == []
    services = [document for document in release_objects if document["kind"] == "InferenceService"]
    assert len(services) in (1, 2)


def test_they_hold_to_the_schemas(release_objects, schema_faults):
    text = yaml.safe_dump_all(release_objects)
    assert schema_faults(text) == f"{len(release_objects)} objects, 0 faults\n"


def test_overlays_have_their_runtime_and_account(release_objects):
    overlay = objects("staging")
    for service in (document for document in release_objects if document["kind"] == "InferenceService"):
        predictor = service["spec"]["predictor"]
        find_object(overlay, "ServiceAccount", predictor["serviceAccountName"])
        runtime = find_object(overlay, "ServingRuntime", predictor["model"]["runtime"])
        formats = [model_format["name"] for model_format in runtime["spec"]["supportedModelFormats"]]
        assert predictor["model"]["modelFormat"]["name"] in formats
        assert predictor["terminationGracePeriodSeconds"] >= 60


def test_every_backend_of_a_route_names_its_port(release_objects):
    routes = [document for document in release_objects if document["kind"] == "HTTPRoute"]
    rules = [rule for route in routes for rule in route["spec"].get("rules", [])]
    assert all(backend["port"] == 80 for rule in rules for backend in rule["backendRefs"])
