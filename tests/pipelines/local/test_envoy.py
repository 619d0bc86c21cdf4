"""The gateway: Envoy with our configuration, in front of two tiny servers that answer with their names."""

import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest

from components.release.router import CANDIDATE, EnvoyRouter
from components.waiting import wait_until
from pipelines.local.envoy import build_bootstrap, read_percent, write_routes_again

pytestmark = pytest.mark.slow  # starts Envoy


class Upstream(BaseHTTPRequestHandler):
    """A handler that answers with its name and the arm that it received."""

    def do_GET(self):
        if self.server.is_failing and self.path != "/v1/models/relevance":
            self.send_error(503)
            return
        if self.headers["x-shadow"]:
            self.server.shadows.append(self.headers["x-arm"])
        content = json.dumps({"name": self.server.name, "x-arm": self.headers["x-arm"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.send_header("x-model-version", self.server.name)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Log nothing, for the gateway keeps the log."""


class UpstreamServer(ThreadingHTTPServer):
    request_queue_size = 256  # connections that wait to be accepted


def upstream(name: str) -> ThreadingHTTPServer:
    server = UpstreamServer(("127.0.0.1", 0), Upstream)
    server.name = name
    server.daemon_threads = True
    server.shadows = []
    server.is_failing = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Run a gateway and yield its folder, ports, router, process and upstreams."""
    from pipelines.local.processes import Laptop

    home = tmp_path_factory.mktemp("gateway")
    servers = {name: upstream(name) for name in ("stable", "candidate")}
    with Laptop(home, home) as laptop:
        ports = laptop.ports | {name: server.server_port for name, server in servers.items()}
        options = [f"--{name}-port={port}" for name, port in ports.items() if name != "outcomes"]
        process = laptop.start(
            "gateway", [sys.executable, "-m", "pipelines.local.envoy", f"--folder={home / 'g'}", *options]
        )
        laptop.wait_ready("gateway", f"http://127.0.0.1:{ports['admin']}/ready")
        router = EnvoyRouter(home / "g", f"http://127.0.0.1:{ports['admin']}")
        yield {"folder": home / "g", "ports": ports, "router": router, "process": process, "servers": servers}
    for server in servers.values():
        server.shutdown()
        server.server_close()


def ask(gateway, listener: str, times: int, **headers) -> Counter:
    with httpx.Client() as client:
        url = f"http://127.0.0.1:{gateway['ports'][listener]}/"
        answers = [client.get(url, headers=headers | {"x-user-hash": str(n)}).json() for n in range(times)]
    return Counter((answer["name"], answer["x-arm"]) for answer in answers)


def test_envoy_itself_listens_on_loopback_only(gateway):
    process = psutil.Process(gateway["process"].pid)
    assert process.exe().endswith("/envoy/_bin/envoy")
    assert {c.laddr.ip for c in process.connections() if c.status == "LISTEN"} == {"127.0.0.1"}


def test_each_arm_stays_with_its_version(gateway):
    gateway["router"].set_traffic(50)
    assert ask(gateway, "internal", 200, **{"x-arm": "control"}) == {("stable", "control"): 200}
    assert ask(gateway, "internal", 200, **{"x-arm": "treatment"}) == {("candidate", "treatment"): 200}


def test_the_edge_strips_the_arm_before_it_chooses(gateway):
    gateway["router"].set_traffic(0)
    assert ask(gateway, "edge", 50, **{"x-arm": "treatment"}) == {("stable", None): 50}


def test_only_a_dark_candidate_gets_marked_copies(gateway):
    copies = gateway["servers"]["candidate"].shadows
    gateway["router"].set_traffic(0)
    before = len(copies)
    assert ask(gateway, "internal", 20, **{"x-arm": "control"}) == {("stable", "control"): 20}
    assert ask(gateway, "edge", 20) == {("stable", None): 20}
    wait_until(lambda: len(copies) == before + 40, bool, 20)
    assert copies[before:].count("control") == 20 and len(copies) == before + 40
    gateway["router"].set_traffic(50)
    ask(gateway, "internal", 20, **{"x-arm": "control"})
    assert len(copies) == before + 40


def settled_count(copies) -> int:
    """Wait until no more copies come, and return their number.

    Envoy sends them after the answer.
    """
    counts = [-1]

    def is_settled() -> bool:
        counts.append(len(copies))
        return counts[-1] == counts[-2]

    assert wait_until(is_settled, bool, 20)
    return counts[-1]


def test_nobody_outside_can_pass_for_a_copy(gateway):
    copies = gateway["servers"]["candidate"].shadows
    gateway["router"].set_traffic(100)
    before = settled_count(copies)
    ask(gateway, "edge", 20, **{"x-shadow": "1"})
    assert len(copies) == before


def test_requests_without_an_arm_are_split_by_weight(gateway):
    gateway["router"].set_traffic(50)
    split = ask(gateway, "internal", 200)
    assert 60 <= split["candidate", None] <= 140 and split.total() == 200


def test_the_access_log_says_who_answered(gateway):
    gateway["router"].set_traffic(0)
    log = gateway["folder"] / "access.jsonl"
    ask(gateway, "internal", 1, **{"x-arm": "treatment", "x-request-id": "look-for-me"})

    def is_logged() -> bool:
        ask(gateway, "edge", 1)  # Envoy writes its log once a second
        return "look-for-me" in log.read_text()

    assert wait_until(is_logged, bool, 20)
    (line,) = [json.loads(text) for text in log.read_text().splitlines() if "look-for-me" in text]
    assert (line["listener"], line["arm"], line["version"]) == ("internal", "treatment", "candidate")


def count(gateway, counter: str) -> int:
    """Return a counter of Envoy's cluster that fails over."""
    name = f"cluster.{CANDIDATE}.{counter}"
    stats = httpx.get(f"http://127.0.0.1:{gateway['ports']['admin']}/stats", params={"filter": f"^{name}$"})
    return int(stats.text.split(": ")[1])


def test_a_failing_candidate_costs_no_request_under_load(gateway):
    gateway["servers"]["candidate"].is_failing = True
    retries = count(gateway, "upstream_rq_retry")
    with ThreadPoolExecutor(64) as pool:
        parts = list(pool.map(lambda _: ask(gateway, "internal", 10, **{"x-arm": "treatment"}), range(64)))
    gateway["servers"]["candidate"].is_failing = False
    assert sum(parts, Counter()) == {("stable", "treatment"): 640}
    assert count(gateway, "upstream_rq_retry") > retries  # not all are: a probe that is slow takes the candidate out
    assert count(gateway, "upstream_rq_retry_overflow") == 0


def test_a_dead_candidate_costs_no_request(gateway):
    gateway["servers"]["candidate"].shutdown()
    gateway["servers"]["candidate"].server_close()
    assert ask(gateway, "internal", 50, **{"x-arm": "treatment"}) == {("stable", "treatment"): 50}


def test_only_the_edge_strips(tmp_path):
    ports = dict.fromkeys(("stable", "candidate", "interleaver", "internal", "edge", "admin"), 1)
    internal, edge = build_bootstrap(tmp_path, ports)["static_resources"]["listeners"]
    assert "early_header_mutation_extensions" in json.dumps(edge)
    assert "early_header_mutation_extensions" not in json.dumps(internal)


def test_a_restart_keeps_weights_and_gets_new_rules(tmp_path):
    router = EnvoyRouter(tmp_path, "")
    path = tmp_path / "rds" / "internal.yaml"
    write_routes_again(tmp_path)
    assert read_percent(path) == 0
    router.write_routes(25)
    document = json.loads(path.read_text())
    host = document["resources"][0]["virtual_hosts"][0]
    host["routes"] = [route for route in host["routes"] if "interleave" not in json.dumps(route)]
    path.write_text(json.dumps(document))
    write_routes_again(tmp_path)
    assert read_percent(path) == 25 and "interleaver_or_stable" in path.read_text()
