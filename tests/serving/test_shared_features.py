"""A cluster's feature store: a real Redis and a registry in SQL, shared by all nights and servers."""

import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
        self.port, self.process = port, None

    def start(self) -> None:
        self.process = subprocess.Popen([*self.command, "--requirepass sesame"], **QUIET)
        deadline = time.monotonic() + 20
        with socket.socket() as asking:
            while time.monotonic() < deadline and asking.connect_ex(("127.0.0.1", self.port)):
                time.sleep(0.05)

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
def shared(redis, night, tmp_path):
    """The night's features in the shared store; its files alone are at hand."""
    from components.features.materialize import materialize

    for path in night.glob("*.parquet"):
        shutil.copy(path, tmp_path)
    materialize(tmp_path, datetime.now(UTC))
    return redis


def test_the_shared_store_gives_the_numbers_of_the_nights_own(shared, night):
    from serving.features import OnlineFeatures

    found = OnlineFeatures(None).find("acme hose", "q1", ["i1", "i2", "zz"])
    with environment(BROADFAST_REDIS="", BROADFAST_FEATURE_REGISTRY=""):
        expected = OnlineFeatures(night).find("acme hose", "q1", ["i1", "i2", "zz"])
    assert (found.items, found.features, found.unknown) == (expected.items, expected.features, expected.unknown)


def test_while_redis_is_away_requests_are_answered_at_once_and_unknown_texts_are_unavailable(shared):
    from serving.features import OnlineFeatures, Unavailable

    online = OnlineFeatures(None, keep_s=0.0)
    online.find("hose", "q1", ["i1"])
    shared.stop()
    began = time.monotonic()
    assert all(online.find("hose", "q1", ["i1"]).degraded for _ in range(20))
    assert time.monotonic() - began < 5
    with pytest.raises(Unavailable):
        online.find("hose", "q1", ["i2"])


def test_a_server_waits_for_a_redis_that_comes_later(shared):
    from threading import Timer

    from serving.features import OnlineFeatures

    shared.stop()
    later = Timer(3, shared.start)
    later.start()
    try:
        assert OnlineFeatures(None, wait_s=60).store is not None
    finally:
        later.join()


def test_half_a_shared_store_is_refused_by_what_is_missing(night):
    from serving.features import OnlineFeatures

    half = environment(BROADFAST_REDIS="127.0.0.1:6379", BROADFAST_FEATURE_REGISTRY="")
    with half, pytest.raises(ValueError, match="BROADFAST_FEATURE_REGISTRY is not set: a shared feature store needs"):
        OnlineFeatures(night)


def test_a_clusters_steps_and_servers_are_told_of_the_store_by_the_names_it_reads():
    from feature_repo.store import CLUSTER
    from pipelines.resources import FEATURE_STORE_VARIABLES

    page = Path(__file__).parents[2] / "docs" / "quick-start.md"
    assert set(FEATURE_STORE_VARIABLES) == set(CLUSTER)
    assert all(f"--from-literal={name}=" in page.read_text() for name in CLUSTER)
