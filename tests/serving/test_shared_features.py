"""A cluster's feature store: a real Redis and a registry in SQL, shared by all nights and servers."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testing.redis_server import shared_feature_store
from testing.servers import environment

pytestmark = [
    pytest.mark.slow,  # starts Redis
    pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server (a Debian package) is not installed"),
]


@pytest.fixture
def redis(tmp_path):
    with shared_feature_store(tmp_path) as server:
        yield server


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
