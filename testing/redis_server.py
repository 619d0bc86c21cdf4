"""A real Redis with a registry in SQL: the feature store of a cluster, for tests."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from testing.servers import environment

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


class Redis:
    """A Redis server of a test's own, which can be stopped and started again."""

    def __init__(self, folder: Path, port: int):
        self.command = ["redis-server", f"--port {port}", "--bind 127.0.0.1", "--save ''", f"--dir {folder}"]
        self.port = port
        self.process = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen([*self.command, "--requirepass sesame"], **QUIET)
        attempts = Retrying(
            stop=stop_after_delay(20), wait=wait_fixed(0.05), retry=retry_if_exception_type(OSError), reraise=True
        )
        attempts(socket.create_connection, ("127.0.0.1", self.port)).close()

    def stop(self) -> None:
        """Kill the server."""
        self.process.kill()
        self.process.wait()


@contextmanager
def shared_feature_store(folder: Path) -> Iterator[Redis]:
    """Start a Redis below `folder`, and let the environment name it and a registry."""
    from pipelines.local.ports import free_ports

    (port,) = free_ports(1)
    server = Redis(folder, port)
    server.start()
    registry = f"sqlite:///{folder / 'registry.db'}"
    address = f"127.0.0.1:{port},password=sesame"
    try:
        with environment(BROADFAST_REDIS=address, BROADFAST_FEATURE_REGISTRY=registry):
            yield server
    finally:
        server.stop()
