"""Routes: as files, and as a real Envoy serves them."""

import json
import urllib.request
from collections import Counter

import pytest

from components.release.router import EnvoyRouter, routes
from testing import servers


def split(listener, percent):
    return routes(listener, percent)["resources"][0]["virtual_hosts"][0]["routes"]


def test_only_the_internal_listener_has_rules_for_arms():
    assert [rule["route"].get("cluster", "by weight") for rule in split("internal", 10)] == [
        "candidate_or_stable",
        "stable",
        "interleaver_or_stable",
        "by weight",
    ]
    assert len(split("edge", 10)) == 1
    assert "x-arm" in routes("edge", 10)["resources"][0]["request_headers_to_remove"]


def test_only_a_dark_candidate_is_sent_copies():
    treatment, control, interleave, rest = split("internal", 0)
    assert all("request_mirror_policies" in rule["route"] for rule in [control, rest, *split("edge", 0)])
    assert "request_mirror_policies" not in json.dumps([split("internal", 1), split("edge", 1)])
    assert "request_mirror_policies" not in json.dumps([treatment, interleave])  # the candidate is asked already


def test_requests_without_an_arm_are_drawn_by_weight():
    route = split("edge", 10)[0]["route"]
    weighted = route["weighted_clusters"]
    assert {cluster["name"]: cluster["weight"] for cluster in weighted["clusters"]} == {
        "stable": 90,
        "candidate_or_stable": 10,
    }
    assert "hash_policy" not in route and "use_hash_policy" not in weighted  # no user is in every canary


@pytest.mark.parametrize("percent", [-1, 101, 50.5, "50"])
def test_a_percentage_that_is_none_is_refused(tmp_path, percent):
    with pytest.raises(ValueError, match="whole number from 0 to 100"):
        EnvoyRouter(tmp_path, "http://127.0.0.1:1").write_routes(percent)


def test_both_files_are_written_whole(tmp_path):
    EnvoyRouter(tmp_path, "http://127.0.0.1:1").write_routes(10)
    assert sorted(path.name for path in (tmp_path / "rds").iterdir()) == ["edge.yaml", "internal.yaml"]
    assert json.loads((tmp_path / "rds" / "edge.yaml").read_text())["resources"][0]["name"] == "edge"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    EnvoyRouter(folder, "").write_routes(0)
    with (
        servers.model_server("v1") as stable,
        servers.model_server("v2") as candidate,
        servers.envoy(folder, stable.server_port, candidate.server_port) as (internal, edge, admin),
    ):
        yield EnvoyRouter(folder, admin), internal, edge


def count_answers(url, users=1, **headers):
    versions, arms = Counter(), set()
    for user in range(users):
        request_headers = {"x-user-hash": f"{user:032x}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", request_headers), timeout=10) as answer:
            versions[answer.headers["x-model-version"]] += 1
            arms.add(answer.headers["x-arm-seen"])
    return versions, arms


@pytest.mark.slow
def test_envoy_serves_the_weights_that_are_set(gateway):
    router, internal, _ = gateway
    for percent in (0, 35, 100):
        router.set_traffic(percent)
        assert router.read_back() == percent
    assert count_answers(internal, 20)[0] == {"v2": 20}
    router.roll_back()
    assert count_answers(internal, 20)[0] == {"v1": 20}


@pytest.mark.slow
def test_half_of_the_requests_reach_the_candidate(gateway):
    router, internal, edge = gateway
    router.set_traffic(50)
    assert 60 < count_answers(internal, 200)[0]["v2"] < 140
    assert 60 < count_answers(edge, 200)[0]["v2"] < 140


@pytest.mark.slow
def test_the_edge_strips_an_arm(gateway):
    router, internal, edge = gateway
    router.set_traffic(0)
    assert count_answers(internal, x_arm="treatment") == ({"v2": 1}, {"treatment"})
    router.set_traffic(100)
    assert count_answers(internal, x_arm="control") == ({"v1": 1}, {"control"})
    assert count_answers(edge, x_arm="control") == ({"v2": 1}, {""})


@pytest.mark.slow
def test_stable_answers_for_a_dead_candidate(tmp_path):
    (nobody,) = servers.free_ports(1)
    EnvoyRouter(tmp_path, "").write_routes(100)
    with servers.model_server("v1") as stable, servers.envoy(tmp_path, stable.server_port, nobody) as urls:
        assert count_answers(urls[0], 5, x_arm="treatment")[0] == {"v1": 5}
        assert count_answers(urls[1], 5)[0] == {"v1": 5}


@pytest.mark.slow
def test_interleaved_users_get_the_interleaver_or_stable(tmp_path):
    (nobody,) = servers.free_ports(1)
    EnvoyRouter(tmp_path, "").write_routes(0)
    with (
        servers.model_server("v1") as stable,
        servers.model_server("v1+v2") as interleaver,
        servers.envoy(tmp_path, stable.server_port, nobody, interleaver.server_port) as (internal, edge, _),
    ):
        assert count_answers(internal, 5, x_arm="interleave") == ({"v1+v2": 5}, {"interleave"})
        assert count_answers(edge, 5, x_arm="interleave") == ({"v1": 5}, {""})
    with (
        servers.model_server("v1") as stable,
        servers.envoy(tmp_path, stable.server_port, nobody) as (internal, _, _),
    ):
        assert count_answers(internal, 5, x_arm="interleave") == ({"v1": 5}, {"interleave"})


@pytest.mark.slow
def test_an_envoy_watching_another_folder_is_named(gateway, tmp_path):
    admin = gateway[0].admin_url
    gateway[0].set_traffic(0)
    with pytest.raises(TimeoutError, match="serves 0% after 0 s, not 7%: does it watch"):
        EnvoyRouter(tmp_path, admin, timeout_s=0.2).set_traffic(7)
