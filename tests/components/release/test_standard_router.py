"""KServe in Standard mode: what is applied, who owns it, and what the gateway's status must say; the client is real."""

import json
from collections import Counter

import pytest

from components.kubernetes_api import KubernetesApi
from components.release import kserve
from components.release.kserve import CANDIDATE, STABLE
from components.release.router import UNSETTLED
from components.release.standard_router import StandardRouter
from testing import servers
from testing.kubernetes_server import cluster
from tests.components.release.test_router import answered

OVERLAY = {"parentRefs": [{"name": "gateway"}], "hostnames": ["relevance.example.com"]}


@pytest.fixture
def here():
    with cluster() as (state, api):
        kubernetes = KubernetesApi("shop", api)
        for name in ("relevance", "relevance-edge"):
            route = {"metadata": {"name": name}, "spec": OVERLAY}
            state.apply(("httproutes", name), route, "kubectl", force=False)
        yield state, StandardRouter(kserve.KServe(kubernetes, "s3://models/packages", timeout_s=0.5, rollout_s=0.5))


def runs(state, name):
    return state.objects[("inferenceservices", name)]["spec"]["predictor"]["model"]["storageUri"].rpartition("/")[2]


def backends(state, name="relevance"):
    rules = state.objects[("httproutes", name)]["spec"]["rules"]
    return [{ref["name"]: ref.get("weight") for ref in rule["backendRefs"]} for rule in rules]


def test_before_a_candidate_everything_is_stables_and_the_treatment_arm_too(here):
    state, router = here
    router.serve("v1", None)
    assert runs(state, STABLE) == "v1" and ("inferenceservices", CANDIDATE) not in state.objects
    assert backends(state) == [{"relevance-stable-predictor": None}] * 2 + [{"relevance-stable-predictor": 100}]
    assert router.read_back() == 0


def test_a_candidate_starts_dark_and_only_its_arm_reaches_it(here):
    state, router = here
    router.serve("v1", "v2")
    assert (runs(state, STABLE), runs(state, CANDIDATE)) == ("v1", "v2")
    treatment, control, rest = backends(state)
    assert treatment == {"relevance-candidate-predictor": None} and control == {"relevance-stable-predictor": None}
    assert rest == {"relevance-stable-predictor": 100, "relevance-candidate-predictor": 0}


def test_both_routes_get_the_weights_and_the_edge_has_no_rule_for_an_arm(here):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(25)
    split = {"relevance-stable-predictor": 75, "relevance-candidate-predictor": 25}
    assert backends(state)[2] == split and backends(state, "relevance-edge") == [split]
    assert router.read_back() == 25
    edge = state.objects[("httproutes", "relevance-edge")]["spec"]["rules"][0]
    assert "x-arm" in edge["filters"][0]["requestHeaderModifier"]["remove"]


def test_the_overlays_fields_stay_theirs_and_applying_them_again_moves_no_weight(here):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(25)
    state.apply(
        ("httproutes", "relevance"), {"metadata": {"name": "relevance"}, "spec": OVERLAY}, "kubectl", force=False
    )
    assert router.read_back() == 25
    assert state.objects[("httproutes", "relevance")]["spec"]["hostnames"] == OVERLAY["hostnames"]
    assert state.applied[("httproutes", "relevance")]["broadfast-release"]["spec"].keys() == {"rules"}


def test_serving_again_what_is_served_moves_no_weight(here):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(25)
    router.serve("v1", "v2")
    assert router.read_back() == 25


def test_promotion_replaces_stable_and_then_the_candidate_goes(here):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(100)
    router.promote("v2")
    router.set_traffic(0)
    router.serve("v2", None)
    assert runs(state, STABLE) == "v2" and ("inferenceservices", CANDIDATE) not in state.objects
    assert backends(state)[0] == {"relevance-stable-predictor": None}


def test_roll_back_leaves_the_candidate_without_traffic(here):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(50)
    router.roll_back()
    assert router.read_back() == 0


def test_a_weight_that_a_hand_changed_is_taken_back(here):
    state, router = here
    router.serve("v1", "v2")
    rules = kserve.inside_rules(90, CANDIDATE)
    state.apply(
        ("httproutes", "relevance"), {"metadata": {"name": "relevance"}, "spec": {"rules": rules}}, "hand", force=True
    )
    assert router.read_back() == UNSETTLED  # the edge's route still says 0
    router.set_traffic(0)
    assert router.read_back() == 0


def test_a_candidate_never_autoscales_and_stable_may(here):
    state, router = here
    router.serve("v1", "v2")
    sizes = [state.objects[("inferenceservices", name)]["spec"]["predictor"] for name in (STABLE, CANDIDATE)]
    assert [(size["minReplicas"], size["maxReplicas"]) for size in sizes] == [(2, 6), (2, 2)]
    assert all("canaryTrafficPercent" not in size for size in sizes)


def test_traffic_without_a_candidate_is_refused(here):
    router = here[1]
    router.serve("v1", None)
    with pytest.raises(ValueError, match="there is no candidate to get 25%"):
        router.set_traffic(25)


def test_a_gateway_that_does_not_take_the_route_is_named_with_the_command_that_shows_why(here):
    state, router = here
    router.serve("v1", "v2")
    state.gateway = False
    with pytest.raises(
        TimeoutError, match="no gateway has taken 25% .*in shop after 0 s: see `kubectl describe httproute"
    ):
        router.set_traffic(25)


def test_a_stable_that_does_not_roll_out_is_named(here):
    state, router = here
    router.serve("v1", "v2")
    state.kserve = False
    with pytest.raises(TimeoutError, match="relevance-stable in shop does not run v2 after"):
        router.promote("v2")


@pytest.mark.parametrize("code", [409, 429, 503])
def test_an_answer_that_may_pass_is_asked_again(here, code):
    state, router = here
    state.failures = [("PATCH", code, "the object has been modified")] * 2
    router.serve("v1", None)
    assert runs(state, STABLE) == "v1" and not state.failures


def test_a_conflict_that_stays_is_said_in_a_sentence(here):
    state, router = here
    state.failures = [("PATCH", 409, "the object has been modified")] * 5
    with pytest.raises(
        ConnectionError, match="does not apply InferenceService shop/relevance-stable: 409 the object has"
    ):
        router.serve("v1", None)


def test_forbidden_names_the_service_account_that_may(here):
    state, router = here
    sentence = 'inferenceservices is forbidden: User "default" cannot patch'
    state.failures = [("PATCH", 403, sentence)]
    with pytest.raises(PermissionError, match="cannot patch; does this run use the service account broadfast-release"):
        router.serve("v1", None)


def test_a_cluster_without_kserve_is_told_what_to_install(here):
    state, router = here
    state.failures = [("PATCH", 404, "the server could not find the requested resource")]
    with pytest.raises(ConnectionError, match="knows no InferenceService in the namespace shop: is its CRD installed"):
        router.serve("v1", None)


def test_an_api_server_that_is_away_is_an_error_of_one_sentence():
    with cluster() as (_, api):
        router = StandardRouter(kserve.KServe(KubernetesApi("shop", api, timeout_s=1), "s3://models/packages"))
    with pytest.raises(ConnectionError, match="no Kubernetes API server answers"):
        router.serve("v1", None)


def as_envoy(rules):
    """Route rules as the Gateway API defines them, in Envoy's words."""
    said = []
    for rule in rules:
        headers = [
            {"name": header["name"], "string_match": {"exact": header["value"]}}
            for header in rule["matches"][0].get("headers", [])
        ]
        weights = [
            {"name": ref["name"].removeprefix("relevance-").removesuffix("-predictor"), "weight": ref.get("weight", 1)}
            for ref in rule["backendRefs"]
        ]
        match = {"prefix": rule["matches"][0]["path"]["value"]} | ({"headers": headers} if headers else {})
        said.append({"match": match, "route": {"weighted_clusters": {"clusters": weights}}})
    return said


def routes_file(name, rules):
    hosts = [{"name": "relevance", "domains": ["*"], "routes": as_envoy(rules)}]
    config = {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": name,
        "virtual_hosts": hosts,
    }
    return json.dumps({"version_info": "1", "resources": [config]})


@pytest.mark.slow
def test_of_ten_thousand_control_requests_at_fifty_percent_none_reaches_the_candidate(here, tmp_path):
    state, router = here
    router.serve("v1", "v2")
    router.set_traffic(50)
    (tmp_path / "rds").mkdir()
    for name, route in (("internal", "relevance"), ("edge", "relevance-edge")):
        rules = state.objects[("httproutes", route)]["spec"]["rules"]
        (tmp_path / "rds" / f"{name}.yaml").write_text(routes_file(name, rules))
    with (
        servers.model_server("v1") as stable,
        servers.model_server("v2") as candidate,
        servers.envoy(tmp_path, stable.server_port, candidate.server_port) as (internal, _, _),
    ):
        assert answered(internal, 10_000, x_arm="control")[0] == Counter(v1=10_000)
        assert answered(internal, 100, x_arm="treatment")[0] == Counter(v2=100)
        assert 350 < answered(internal, 1_000)[0]["v2"] < 650
