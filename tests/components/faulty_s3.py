"""The real S3 behind a proxy that fails where it is told: it answers 500 before or after S3 took the request."""

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.components.release.servers import environment


class Proxy(BaseHTTPRequestHandler):
    """Passes requests on with their headers, host among them, for signatures cover it; `faults` fail the first PUTs."""

    def do_PUT(self):
        fault = self.server.faults.pop(0) if self.server.faults else ""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if fault == "before":
            self._answer(500, b"no", "text/plain")
            return
        status, *said = self._passed_on(body)
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
    """Point the environment to a proxy of the S3 at `endpoint` whose first PUTs fail as named: before, after."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.behind, server.faults, server.daemon_threads = endpoint.removeprefix("http://"), list(faults), True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with environment(BROADFAST_S3_ENDPOINT=f"http://127.0.0.1:{server.server_port}"):
            yield server
        server.shutdown()
