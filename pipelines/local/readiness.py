"""Whether a server that was started answers yet."""

import contextlib
import subprocess
from functools import cache
from pathlib import Path

import httpx


@cache
def client() -> httpx.Client:
    """Return the client of all calls to this machine's servers.

    Each new one would read all root certificates.
    """
    return httpx.Client(timeout=5, limits=httpx.Limits(max_keepalive_connections=0))  # servers come and go


def start_state(server: subprocess.Popen, url: str) -> str:
    """Return ended, ready, or nothing while a server starts."""
    if server.poll() is not None:
        return "ended"
    with contextlib.suppress(httpx.TransportError):
        if client().get(url).status_code == 200:
            return "ready"
    return ""


def describe_failed_start(log: Path, url: str, has_ended: bool, seconds: float) -> str:
    """Return why a server is not there: its log's end, or that it still starts."""
    if not has_ended:
        return f"{log.stem} is not ready at {url} after {seconds} s, though it runs: see {log}"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    return f"{log.stem} did not come up at {url}; the end of {log}:\n{tail}"
