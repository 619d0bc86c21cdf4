"""Real servers for tests, on loopback: Envoy with the release's routes, and what stands behind it."""

import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORTS = itertools.count(10_000 + os.getpid() % 9_000)  # none is handed out twice


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now, below those that the system hands out by itself."""
    found = []
    while len(found) < count:
        port = next(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
    return found


@contextmanager
def process(command: list[str], ready_url: str, seconds: float = 60, **environment):
    """Run a server and its children until the block ends; it is ready when `ready_url` answers, within `seconds`."""
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(
            command, stdout=said, stderr=said, env=os.environ | environment, start_new_session=True
        )
        try:
            deadline = time.monotonic() + seconds
            while not answers(ready_url):
                if server.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    raise RuntimeError(f"{command[0]} is not ready: {said.read()[-2000:].decode()}")
                time.sleep(0.1)
            yield server
        finally:
            with suppress(ProcessLookupError):  # it ended by itself, and nobody is left
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def answers(url: str) -> bool:
    """Whether something is served at the address, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False
    return True


@contextmanager
def environment(**variables):
    """Variables of this process while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


class Refused(Exception):
    """An answer of a server of tests that is no success: its code and sentence."""


class JsonHandler(BaseHTTPRequestHandler):
    """Answers in JSON, and keeps its words to itself."""

    protocol_version = "HTTP/1.1"

    def say(self, code: int, document: dict):
        content = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *said):
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], state):
    """A server on loopback until the block ends, with its handler's state; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.state, server.daemon_threads = state, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def model_server(version: str):
    """A server that answers every request with its version; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("x-model-version", self.server.version)
            self.send_header("x-arm-seen", self.headers.get("x-arm", ""))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.version, server.daemon_threads = version, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def envoy(folder: Path, stable: int, candidate: int):
    """Envoy with both listeners and watched routes in `folder`; yields the addresses of internal, edge and admin."""
    internal, edge, admin = free_ports(3)
    listeners = [_listener("internal", internal, folder), _listener("edge", edge, folder)]
    clusters = [_cluster("stable", stable), _cluster("candidate", candidate), AGGREGATE]
    bootstrap = {
        "node": {"id": "tests", "cluster": "tests"},
        "admin": {"address": _address(admin)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }
    (folder / "envoy.json").write_text(json.dumps(bootstrap))
    import envoy as installed

    binary = Path(installed.__file__).parent / "_bin" / "envoy"
    command = [str(binary), "-c", str(folder / "envoy.json"), "--concurrency", "1", "-l", "warning"]
    command += ["--use-dynamic-base-id"]
    urls = [f"http://127.0.0.1:{port}" for port in (internal, edge, admin)]
    with process(command, f"{urls[2]}/ready"):
        yield urls


ENVOY = "type.googleapis.com/envoy.extensions"
AGGREGATE = {
    "name": "candidate_or_stable",
    "connect_timeout": "1s",
    "lb_policy": "CLUSTER_PROVIDED",
    "cluster_type": {
        "name": "envoy.clusters.aggregate",
        "typed_config": {
            "@type": f"{ENVOY}.clusters.aggregate.v3.ClusterConfig",
            "clusters": ["candidate", "stable"],
        },
    },
}


def _address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


def _listener(name: str, port: int, folder: Path) -> dict:
    source = {"path": str(folder / "rds" / f"{name}.yaml"), "watched_directory": {"path": str(folder / "rds")}}
    router = {"@type": f"{ENVOY}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{ENVOY}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {
            "route_config_name": name,
            "config_source": {"resource_api_version": "V3", "path_config_source": source},
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": _address(port), "filter_chains": [{"filters": filters}]}
