"""The gateway: Envoy with our configuration, in front of two tiny servers that say who they are."""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest

from components.release.router import EnvoyRouter
from pipelines.local.envoy import bootstrap

pytestmark = pytest.mark.slow  # starts Envoy


class Upstream(BaseHTTPRequestHandler):
    """Answers everything with its name and what it was told of the arm."""

    def do_GET(self):
        if self.headers["x-shadow"]:
            self.server.shadows.append(self.headers["x-arm"])
        said = json.dumps({"name": self.server.name, "x-arm": self.headers["x-arm"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.send_header("x-model-version", self.server.name)
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *arguments):
        """Nothing: the gateway keeps the log."""


def upstream(name: str) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.name, server.daemon_threads, server.shadows = name, True, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """The folder, ports, router and process of a running gateway, and its upstreams."""
    from pipelines.local.processes import Laptop

    home = tmp_path_factory.mktemp("gateway")
    servers = {name: upstream(name) for name in ("stable", "candidate")}
    with Laptop(home, home) as laptop:
        ports = laptop.ports | {name: server.server_port for name, server in servers.items()}
        named = [f"--{name}-port={ports[name]}" for name in ("stable", "candidate", "internal", "edge", "admin")]
        process = laptop.start(
            "gateway", [sys.executable, "-m", "pipelines.local.envoy", f"--folder={home / 'g'}", *named]
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


def test_the_process_is_envoy_itself_and_listens_on_loopback_only(gateway):
    process = psutil.Process(gateway["process"].pid)
    assert process.exe().endswith("/envoy/_bin/envoy")
    assert {c.laddr.ip for c in process.connections() if c.status == "LISTEN"} == {"127.0.0.1"}


def test_control_stays_with_stable_and_treatment_with_the_candidate_while_weights_stand_at_50(gateway):
    gateway["router"].set_traffic(50)
    assert ask(gateway, "internal", 200, **{"x-arm": "control"}) == {("stable", "control"): 200}
    assert ask(gateway, "internal", 200, **{"x-arm": "treatment"}) == {("candidate", "treatment"): 200}


def test_the_edge_strips_the_arm_before_it_chooses(gateway):
    gateway["router"].set_traffic(0)
    assert ask(gateway, "edge", 50, **{"x-arm": "treatment"}) == {("stable", None): 50}


def test_a_dark_candidate_gets_a_marked_copy_of_every_request_and_one_with_traffic_gets_none(gateway):
    copies = gateway["servers"]["candidate"].shadows
    gateway["router"].set_traffic(0)
    before, deadline = len(copies), time.monotonic() + 10
    assert ask(gateway, "internal", 20, **{"x-arm": "control"}) == {("stable", "control"): 20}
    assert ask(gateway, "edge", 20) == {("stable", None): 20}
    while len(copies) < before + 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert copies[before:].count("control") == 20 and len(copies) == before + 40
    gateway["router"].set_traffic(50)
    ask(gateway, "internal", 20, **{"x-arm": "control"})
    assert len(copies) == before + 40


def settled(copies):
    """How many there are once no more come: Envoy sends them behind the answer's back."""
    seen = -1
    while seen != len(copies):
        seen = len(copies)
        time.sleep(0.5)
    return seen


def test_nobody_outside_can_pass_for_a_copy(gateway):
    copies = gateway["servers"]["candidate"].shadows
    gateway["router"].set_traffic(100)
    before = settled(copies)
    ask(gateway, "edge", 20, **{"x-shadow": "1"})
    assert len(copies) == before


def test_requests_without_an_arm_are_split_by_weight(gateway):
    gateway["router"].set_traffic(50)
    split = ask(gateway, "internal", 200)
    assert 60 <= split["candidate", None] <= 140 and split.total() == 200


def test_the_access_log_says_who_answered(gateway):
    gateway["router"].set_traffic(0)
    log, deadline = gateway["folder"] / "access.jsonl", time.monotonic() + 20
    ask(gateway, "internal", 1, **{"x-arm": "treatment", "x-request-id": "look-for-me"})
    while "look-for-me" not in log.read_text() and time.monotonic() < deadline:
        ask(gateway, "edge", 1)  # Envoy writes its log once a second
    (line,) = [json.loads(text) for text in log.read_text().splitlines() if "look-for-me" in text]
    assert (line["listener"], line["arm"], line["version"]) == ("internal", "treatment", "candidate")


def test_a_dead_candidate_costs_no_request(gateway):
    gateway["servers"]["candidate"].shutdown()
    gateway["servers"]["candidate"].server_close()
    assert ask(gateway, "internal", 50, **{"x-arm": "treatment"}) == {("stable", "treatment"): 50}


def test_only_the_edge_strips(tmp_path):
    ports = dict.fromkeys(("stable", "candidate", "internal", "edge", "admin"), 1)
    internal, edge = bootstrap(tmp_path, ports)["static_resources"]["listeners"]
    assert "early_header_mutation_extensions" in json.dumps(edge)
    assert "early_header_mutation_extensions" not in json.dumps(internal)
