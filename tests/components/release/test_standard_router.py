"""KServe in Standard mode: what is applied, who owns it, and what is read back; the client is real."""

import json
from collections import Counter

import pytest

from components.kubernetes_api import KubernetesApi
from components.release import routes
from components.release.kserve import CANDIDATE, STABLE, KServe
from components.release.router import UNSETTLED
from components.release.standard_router import StandardRouter
from testing import servers
from testing.kubernetes_server import apply_overlay, cluster
from tests.components.release.test_router import count_answers


def start_router(state, api):
    apply_overlay(state)
    kserve = KServe(KubernetesApi("shop", api), "s3://models/packages", timeout_s=0.5, rollout_s=0.5, pause_s=0.01)
    return StandardRouter(kserve)


@pytest.fixture
def router_and_cluster():
    with cluster() as (state, api):
        yield start_router(state, api), state


@pytest.fixture
def state(router_and_cluster):
    return router_and_cluster[1]


@pytest.fixture
def router(router_and_cluster):
    return router_and_cluster[0]


def served_version(state, name):
    uri = state.objects[("inferenceservices", name)]["spec"]["predictor"]["model"]["storageUri"]
    return uri.removeprefix("s3://models/packages/").removesuffix("/")


def backends(state, name="relevance"):
    rules = state.objects[("httproutes", name)]["spec"]["rules"]
    return [{ref["name"]: ref.get("weight") for ref in rule["backendRefs"]} for rule in rules]


def test_without_a_candidate_stable_has_every_arm(state, router):
    router.serve("v1", None)
    assert served_version(state, STABLE) == "v1" and ("inferenceservices", CANDIDATE) not in state.objects
    assert backends(state) == [{"relevance-stable-predictor": None}] * 3 + [{"relevance-stable-predictor": 100}]
    assert router.read_back() == 0


def test_a_candidate_starts_dark(state, router):
    router.serve("v1", "v2")
    assert (served_version(state, STABLE), served_version(state, CANDIDATE)) == ("v1", "v2")
    treatment, control, interleave, rest = backends(state)
    assert treatment == {"relevance-candidate-predictor": None} and control == {"relevance-stable-predictor": None}
    assert interleave == control
    assert rest == {"relevance-stable-predictor": 100, "relevance-candidate-predictor": 0}


def interleaver_size(state):
    return state.objects[("deployments", "relevance-interleaver")]["spec"].get("replicas")


def test_an_interleaver_comes_and_goes(state, router):
    router.serve("v1", "v2")
    assert interleaver_size(state) == 0
    router.serve("v1", "v2", interleaves=True)
    assert interleaver_size(state) == 2 and backends(state)[2] == {"relevance-interleaver": None}
    router.set_traffic(0)
    assert backends(state)[2] == {"relevance-interleaver": None}
    router.serve("v1", "v2")
    assert interleaver_size(state) == 0 and backends(state)[2] == {"relevance-stable-predictor": None}


def test_users_wait_for_the_interleaver(state, router):
    router.serve("v1", "v2")
    state.starts_pods = False
    with pytest.raises(TimeoutError, match="no pod of the Deployment relevance-interleaver in shop is available"):
        router.serve("v1", "v2", interleaves=True)
    assert backends(state)[2] == {"relevance-stable-predictor": None}


def test_an_overlay_without_an_interleaver_is_named(state, router):
    router.serve("v1", "v2")
    state.objects.pop(("deployments", "relevance-interleaver"))
    state.applied.pop(("deployments", "relevance-interleaver"))
    with pytest.raises(TimeoutError, match="there is no Deployment relevance-interleaver in shop: run"):
        router.serve("v1", "v2", interleaves=True)


def test_interleaving_moves_no_weight(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    router.serve("v1", "v2", interleaves=True)
    assert router.read_back() == 25


def test_routes_of_an_older_release_get_their_rule(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    spec = state.objects[("httproutes", "relevance")]["spec"]
    spec["rules"] = [rule for rule in spec["rules"] if "interleave" not in str(rule)]
    router.serve("v1", "v2")
    assert router.read_back() == 25 and backends(state)[2] == {"relevance-stable-predictor": None}


def test_both_routes_get_the_weights(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    split = {"relevance-stable-predictor": 75, "relevance-candidate-predictor": 25}
    assert backends(state)[3] == split and backends(state, "relevance-edge") == [split]
    assert router.read_back() == 25
    edge = state.objects[("httproutes", "relevance-edge")]["spec"]["rules"][0]
    assert "x-arm" in edge["filters"][0]["requestHeaderModifier"]["remove"]


def test_applying_the_overlay_again_moves_no_weight(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    apply_overlay(state)
    assert router.read_back() == 25
    assert state.objects[("httproutes", "relevance")]["spec"]["hostnames"] == ["relevance.example.com"]
    assert state.applied[("httproutes", "relevance")]["broadfast-release"]["spec"].keys() == {"rules"}


def test_serving_again_what_is_served_moves_no_weight(router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    router.serve("v1", "v2")
    assert router.read_back() == 25


def test_promotion_replaces_stable_and_then_the_candidate_goes(state, router):
    router.serve("v1", "v2")
    router.set_traffic(100)
    router.promote("v2")
    router.set_traffic(0)
    router.serve("v2", None)
    assert served_version(state, STABLE) == "v2" and ("inferenceservices", CANDIDATE) not in state.objects
    assert backends(state)[0] == {"relevance-stable-predictor": None}


def test_promotion_waits_until_no_old_pod_is_left(state, router):
    router.serve("v1", "v2")
    router.set_traffic(100)
    state.is_slow = True
    router.promote("v2")
    assert state.standard[STABLE].pods == ["v2", "v2"]


def test_an_observed_generation_ends_no_rollout(state, router):
    router.serve("v1", None)
    state.starts_pods = False
    with pytest.raises(TimeoutError, match="relevance-stable-predictor in shop does not run v2 alone: 0 of 2 pods are"):
        router.promote("v2")
    service = state.read(("inferenceservices", STABLE))
    assert service["status"]["observedGeneration"] >= service["metadata"]["generation"]  # it is the Deployment's


def test_roll_back_leaves_the_candidate_without_traffic(router):
    router.serve("v1", "v2")
    router.set_traffic(50)
    router.roll_back()
    assert router.read_back() == 0


def test_a_weight_changed_by_hand_is_taken_back(state, router):
    router.serve("v1", "v2")
    document = {"metadata": {"name": "relevance"}, "spec": {"rules": routes.inside_rules(90, CANDIDATE)}}
    state.apply(("httproutes", "relevance"), document, "hand", force=True)
    assert router.read_back() == UNSETTLED  # the edge's route still says 0
    router.set_traffic(0)
    assert router.read_back() == 0


def test_a_candidate_never_autoscales_and_stable_may(state, router):
    router.serve("v1", "v2")
    sizes = [state.objects[("inferenceservices", name)]["spec"]["predictor"] for name in (STABLE, CANDIDATE)]
    assert [(size["minReplicas"], size["maxReplicas"]) for size in sizes] == [(2, 6), (2, 2)]
    assert all("canaryTrafficPercent" not in size for size in sizes)


def test_a_storage_address_ends_in_a_slash(state, router):
    router.serve("v1", "v10")
    services = [state.objects[("inferenceservices", name)] for name in (STABLE, CANDIDATE)]
    uris = [service["spec"]["predictor"]["model"]["storageUri"] for service in services]
    assert uris == ["s3://models/packages/v1/", "s3://models/packages/v10/"]  # KServe matches by prefix


def test_traffic_without_a_candidate_is_refused(router):
    router.serve("v1", None)
    with pytest.raises(ValueError, match="there is no candidate to get 25%"):
        router.set_traffic(25)


def test_a_gateway_that_takes_no_route_is_named(state, router):
    router.serve("v1", "v2")
    state.gateway = False
    with pytest.raises(
        TimeoutError, match="taken 25% .* relevance in shop: .* after 0 s: see `kubectl describe httproute"
    ):
        router.set_traffic(25)


def test_a_listener_without_a_certificate_serves_nothing(state, router):
    router.serve("v1", "v2")
    state.certificate = False
    assert router.read_back() == UNSETTLED  # though each route is Accepted at its newest generation
    with pytest.raises(TimeoutError, match="listener https of the Gateway gateway is not programmed .*relevance-tls"):
        router.set_traffic(25)


def test_a_stable_without_pods_serves_nobody(state, router):
    router.serve("v1", "v2")
    state.unready = {"v1"}
    with pytest.raises(TimeoutError, match="a backend of the HTTPRoute has no pod .*relevance-stable-predictor"):
        router.set_traffic(25)


def test_a_dead_stable_keeps_no_candidate_waiting(state, router):
    router.serve("v1", "v2")
    state.unready = {"v1"}
    router.set_traffic(100)
    assert router.read_back() == 100


def test_traffic_leaves_a_candidate_without_pods(state, router):
    router.serve("v1", "v2")
    router.set_traffic(25)
    state.unready = {"v2"}  # Envoy Gateway says BackendsAvailable=False of the whole route
    router.set_traffic(0)
    assert router.read_back() == 0


def test_a_dark_candidate_may_start_for_long(state, router):
    router.serve("v1", None)
    state.unready = {"v2"}
    router.serve("v1", "v2")
    assert router.read_back() == 0 and not state.standard[CANDIDATE].pods


def test_an_unreadable_gateway_is_named(state, router, capsys):
    router.serve("v1", "v2")
    state.failures = [("GET", 403, "gateways is forbidden")]
    parent = {"name": "gateway", "namespace": "another"}
    assert not routes._gateway_problem(router.api, parent)
    assert "whether the Gateway gateway serves cannot be seen" in capsys.readouterr().err


@pytest.mark.parametrize("code", [409, 429, 503])
def test_an_answer_that_may_pass_is_asked_again(state, router, code):
    state.failures = [("PATCH", code, "the object has been modified")] * 2
    router.serve("v1", None)
    assert served_version(state, STABLE) == "v1" and not state.failures


def test_a_conflict_that_stays_is_named(state, router):
    state.failures = [("PATCH", 409, "the object has been modified")] * 5
    with pytest.raises(
        ConnectionError, match="does not apply InferenceService shop/relevance-stable: 409 the object has"
    ):
        router.serve("v1", None)


def test_forbidden_names_the_service_account_that_may(state, router):
    sentence = 'inferenceservices is forbidden: User "default" cannot patch'
    state.failures = [("PATCH", 403, sentence)]
    with pytest.raises(PermissionError, match="cannot patch; does this run use the service account broadfast-release"):
        router.serve("v1", None)


def test_a_cluster_without_kserve_is_named(state, router):
    state.failures = [("PATCH", 404, "the server could not find the requested resource")]
    with pytest.raises(ConnectionError, match="knows no InferenceService in the namespace shop: is its CRD installed"):
        router.serve("v1", None)


def test_an_api_server_that_is_away_is_named():
    with cluster() as (_, api):
        router = StandardRouter(KServe(KubernetesApi("shop", api, timeout_s=1), "s3://models/packages"))
    with pytest.raises(ConnectionError, match="no Kubernetes API server answers"):
        router.serve("v1", None)


def as_envoy(rules):
    """Return route rules as the Gateway API defines them, in Envoy's words."""
    envoy_routes = []
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
        envoy_routes.append({"match": match, "route": {"weighted_clusters": {"clusters": weights}}})
    return envoy_routes


def routes_file(name, rules):
    hosts = [{"name": "relevance", "domains": ["*"], "routes": as_envoy(rules)}]
    config = {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": name,
        "virtual_hosts": hosts,
    }
    return json.dumps({"version_info": "1", "resources": [config]})


@pytest.mark.slow
def test_no_control_request_reaches_the_candidate(state, router, tmp_path):
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
        assert count_answers(internal, 10_000, x_arm="control")[0] == Counter(v1=10_000)
        assert count_answers(internal, 100, x_arm="treatment")[0] == Counter(v2=100)
        assert 350 < count_answers(internal, 1_000)[0]["v2"] < 650
