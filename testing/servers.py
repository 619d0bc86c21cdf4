"""Real servers for tests, on loopback: Envoy with the release's routes, and what stands behind it."""

import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from components.waiting import wait_until

PORTS = itertools.count(10_000 + os.getpid() % 9_000)  # none is handed out twice


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on, below those that the system hands out."""
    ports = []
    while len(ports) < count:
        port = next(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                ports.append(port)
    return ports


@contextmanager
def process(command: list[str], ready_url: str, seconds: float = 60, **environment):
    """Run a server and its children until the block ends.

    Raises:
        RuntimeError: `ready_url` does not answer within `seconds`; with the end of what the server printed.
    """
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | environment, start_new_session=True
        )
        try:
            if not _wait_until_ready(server, ready_url, seconds):
                output.seek(0)
                raise RuntimeError(f"{command[0]} is not ready: {output.read()[-2000:].decode()}")
            yield server
        finally:
            with suppress(ProcessLookupError):  # it ended by itself, and nobody is left
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_until_ready(server: subprocess.Popen, url: str, seconds: float) -> bool:
    """Wait until the address answers, and return false where it does not in time."""
    wait_until(lambda: answers(url) or server.poll() is not None, bool, seconds, pause_s=0.1)
    return answers(url)


def answers(url: str) -> bool:
    """Return true where something is served at the address, whatever its answer."""
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
    """Set variables of this process while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


class Refused(Exception):
    """An error answer of a test's server: its code and sentence."""


class JsonHandler(BaseHTTPRequestHandler):
    """A handler that answers in JSON and logs nothing."""

    protocol_version = "HTTP/1.1"

    def say(self, code: int, document: dict):
        content = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], state):
    """Serve on loopback until the block ends, with the handler's state, and yield the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.state = state
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def model_server(version: str):
    """Run a server that answers every request with its version, and yield it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("x-model-version", self.server.version)
            self.send_header("x-arm-seen", self.headers.get("x-arm", ""))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.version = version
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def envoy(folder: Path, stable: int, candidate: int, interleaver: int = 0):
    """Run the laptop's gateway in `folder`, and yield the addresses of internal, edge and admin."""
    from pipelines.local.envoy import build_bootstrap, find_binary

    internal, edge, admin, nobody = free_ports(4)
    ports = {"stable": stable, "candidate": candidate, "interleaver": interleaver or nobody}
    ports |= {"internal": internal, "edge": edge, "admin": admin}
    bootstrap = build_bootstrap(folder, ports)
    for cluster in bootstrap["static_resources"]["clusters"]:
        cluster.pop("health_checks", None)  # the tests' servers come and go faster than probes notice
    (folder / "envoy.json").write_text(json.dumps(bootstrap))
    command = [find_binary(), "-c", str(folder / "envoy.json"), "--concurrency", "1", "-l", "warning"]
    command += ["--use-dynamic-base-id"]
    urls = [f"http://127.0.0.1:{port}" for port in (internal, edge, admin)]
    with process(command, f"{urls[2]}/ready"):
        yield urls
