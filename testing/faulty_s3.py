"""The real S3 behind a proxy that fails where it is told: 500 before or after S3 took the request, or no answer."""

import http.client
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from testing.servers import environment


class Proxy(BaseHTTPRequestHandler):
    """Passes requests on with their headers, host among them, for signatures cover it; `faults` fail the first PUTs."""

    def do_PUT(self):
        fault = self.server.faults.pop(0) if self.server.faults else ""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if fault in ("before", "refused"):
            self._answer(500 if fault == "before" else 403, b"no", "text/plain")
            return
        status, *said = self._passed_on(body)
        if fault == "silent":
            self.server.ended.wait()
            return
        self._answer(500 if fault == "after" else status, *said)

    def do_GET(self):
        self._answer(*self._passed_on(b""))

    def _passed_on(self, body: bytes) -> tuple[int, bytes, str]:
        behind = http.client.HTTPConnection(self.server.behind, timeout=30)
        behind.request(self.command, self.path, body, dict(self.headers.items()))
        answer = behind.getresponse()
        said = answer.status, answer.read(), answer.headers.get("content-type", "")
        behind.close()
        return said

    def _answer(self, status: int, said: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *said):
        """Nothing."""


@contextmanager
def faulty(endpoint: str, *faults: str):
    """Point the environment to a proxy of an S3 whose first PUTs fail as named: refused, before, after, silent."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.behind, server.faults, server.daemon_threads = endpoint.removeprefix("http://"), list(faults), True
        server.ended = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with named(server.server_port):
                yield server
        finally:
            server.ended.set()
            server.shutdown()


@contextmanager
def silent():
    """Point the environment to an S3 that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server, named(server.getsockname()[1]):
        yield


def named(port: int):
    """The environment with an S3 at a port of this machine that must answer within half a second."""
    return environment(BROADFAST_S3_ENDPOINT=f"http://127.0.0.1:{port}", BROADFAST_S3_TIMEOUT_S="0.5")
