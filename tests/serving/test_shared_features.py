"""A cluster's feature store: a real Redis and a registry in SQL, shared by all nights and servers."""

import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from testing.servers import environment

pytestmark = [
    pytest.mark.slow,  # starts Redis
    pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server (a Debian package) is not installed"),
]


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


class Redis:
    """A Redis server of a test's own, which can be stopped and started again."""

    def __init__(self, folder, port: int):
        self.command = ["redis-server", f"--port {port}", "--bind 127.0.0.1", "--save ''", f"--dir {folder}"]
        self.port = port
        self.process = None

    def start(self) -> None:
        self.process = subprocess.Popen([*self.command, "--requirepass sesame"], **QUIET)
        attempts = Retrying(
            stop=stop_after_delay(20), wait=wait_fixed(0.05), retry=retry_if_exception_type(OSError), reraise=True
        )
        attempts(socket.create_connection, ("127.0.0.1", self.port)).close()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path):
    from pipelines.local.ports import free_ports

    (port,) = free_ports(1)
    server = Redis(tmp_path, port)
    server.start()
    registry = f"sqlite:///{tmp_path / 'registry.db'}"
    address = f"127.0.0.1:{port},password=sesame"
    with environment(BROADFAST_REDIS=address, BROADFAST_FEATURE_REGISTRY=registry):
        yield server
    server.stop()


@pytest.fixture
def shared_store(redis, night, tmp_path):
    """Materialise the night's features into the shared store, and return its Redis."""
    from components.features.materialize import materialize

    for path in night.glob("*.parquet"):
        shutil.copy(path, tmp_path)
    materialize(tmp_path, datetime.now(UTC))
    return redis


def test_both_stores_return_the_same_numbers(shared_store, night):
    from serving.features import OnlineFeatures

    result = OnlineFeatures(None).lookup("acme hose", "q1", ["i1", "i2", "zz"])
    with environment(BROADFAST_REDIS="", BROADFAST_FEATURE_REGISTRY=""):
        reference = OnlineFeatures(night).lookup("acme hose", "q1", ["i1", "i2", "zz"])
    assert result.items == reference.items
    assert result.features == reference.features
    assert result.unknown_ids == reference.unknown_ids == ["zz"]


def test_requests_do_not_wait_for_a_dead_redis(shared_store):
    from serving.features import OnlineFeatures, Unavailable

    online = OnlineFeatures(None, keep_s=0.0)
    online.lookup("hose", "q1", ["i1"])
    shared_store.stop()
    start = time.monotonic()
    assert all(online.lookup("hose", "q1", ["i1"]).is_degraded for _ in range(20))
    assert time.monotonic() - start < 5
    with pytest.raises(Unavailable):
        online.lookup("hose", "q1", ["i2"])


def test_a_server_waits_for_a_late_redis(shared_store):
    from threading import Timer

    from serving.features import OnlineFeatures

    shared_store.stop()
    later = Timer(3, shared_store.start)
    later.start()
    try:
        assert OnlineFeatures(None, wait_s=60).store is not None
    finally:
        later.join()


def test_half_a_shared_store_is_refused(night):
    from serving.features import OnlineFeatures

    half = environment(BROADFAST_REDIS="127.0.0.1:6379", BROADFAST_FEATURE_REGISTRY="")
    with half, pytest.raises(ValueError, match="BROADFAST_FEATURE_REGISTRY is not set: a shared feature store needs"):
        OnlineFeatures(night)


def test_docs_and_resources_name_the_stores_variables():
    from feature_repo.store import CLUSTER
    from pipelines.resources import FEATURE_STORE_VARIABLES

    page = Path(__file__).parents[2] / "docs" / "quick-start.md"
    assert set(FEATURE_STORE_VARIABLES) == set(CLUSTER)
    assert all(f"--from-literal={name}=" in page.read_text() for name in CLUSTER)
