"""Whether a server that was started answers yet."""

import contextlib
import subprocess

import httpx


def start_state(server: subprocess.Popen, url: str) -> str:
    """Return ended, ready, or nothing while a server starts."""
    if server.poll() is not None:
        return "ended"
    with contextlib.suppress(httpx.TransportError):
        if httpx.get(url, timeout=2).status_code == 200:
            return "ready"
    return ""
