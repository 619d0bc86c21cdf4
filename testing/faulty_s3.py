"""The real S3 behind a proxy that fails where a test says so.

A PUT fails with 500 before or after S3 took it, with 403, with no answer at all, or as of a writer that died after
its headers.
"""

import http.client
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from testing.servers import environment

PASSED_HEADERS = ("content-type", "etag")
SECONDS_TO_READ_HEADERS = 0.2


class Proxy(BaseHTTPRequestHandler):
    """Pass requests on with their headers, host among them, for signatures cover it."""

    def do_PUT(self):
        fault = self.server.faults.pop(0) if self.server.faults else ""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if fault in ("before", "refused"):
            self._reply(500 if fault == "before" else 403, b"no", {"content-type": "text/plain"})
            return
        if fault == "dead writer":
            self._pass_on_headers()
            self._reply(500, b"no", {"content-type": "text/plain"})
            return
        status, content, headers = self._pass_on(body)
        if fault == "silent":
            self.server.stop.wait()
            return
        self._reply(500 if fault == "after" else status, content, headers)

    def do_GET(self):
        self._reply(*self._pass_on(b""))

    def _pass_on(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        response = connection.getresponse()
        content = response.read()
        headers = {name: response.headers[name] for name in PASSED_HEADERS if name in response.headers}
        connection.close()
        return response.status, content, headers

    def _pass_on_headers(self) -> None:
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        time.sleep(SECONDS_TO_READ_HEADERS)
        connection.close()

    def _reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Print nothing."""


@contextmanager
def faulty(endpoint: str, *faults: str):
    """Point the environment to a proxy of an S3 whose first PUTs fail as named.

    The faults are "refused", "before", "after", "silent" and "dead writer".
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.behind = endpoint.removeprefix("http://")
        server.faults = list(faults)
        server.daemon_threads = True
        server.stop = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with s3_at_port(server.server_port):
                yield server
        finally:
            server.stop.set()
            server.shutdown()


@contextmanager
def silent():
    """Point the environment to an S3 that takes every connection and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server, s3_at_port(server.getsockname()[1]):
        yield


def s3_at_port(port: int):
    """Return an environment with an S3 at a port of this machine that must answer within half a second."""
    return environment(BROADFAST_S3_ENDPOINT=f"http://127.0.0.1:{port}", BROADFAST_S3_TIMEOUT_S="0.5")
