"""Two nights in a cluster's feature store, over a real Redis: corrections and new features are served."""

import os
import shutil
from datetime import timedelta

import pytest

from components import contracts
from components.features.build import build
from components.features.materialize import START, digest_texts, materialize
from components.features.night import build_night
from testing.redis_server import shared_feature_store
from tests.components.features.conftest import AS_OF, item

pytestmark = [
    pytest.mark.slow,  # starts Redis
    pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server (a Debian package) is not installed"),
]
NEXT_NIGHT = AS_OF + timedelta(days=1)


@pytest.fixture
def night(tables, logs, tmp_path):
    """Build a night's files, with a cluster's store in the environment."""
    with shared_feature_store(tmp_path):
        build(*tables, logs, AS_OF, tmp_path / "night")
        yield tmp_path / "night"


def read_online(folder, name: str) -> list:
    from feature_repo.store import open_store

    answer = open_store(folder).get_online_features([f"item_text:{name}"], [{"item_id": "a"}, {"item_id": "b"}])
    return answer.to_dict()[name]


def test_a_corrected_title_is_served(night, tables):
    materialize(night, AS_OF)
    contracts.write([item("a", title="Corrected"), item("b")], contracts.ITEMS, tables[1])
    build(*tables, None, NEXT_NIGHT, night)
    assert materialize(night, NEXT_NIGHT)["texts_came_late"]
    assert read_online(night, "title") == ["Corrected", "Item b"]


def test_a_new_feature_of_unchanged_rows_is_served(night, tables):
    from feature_repo import features
    from feature_repo.store import open_store

    earlier_text = {name: dtype for name, dtype in features.TEXT.items() if name != "brand"}
    digest = digest_texts(night, AS_OF)
    earlier_view = features.build_view(
        "item_text", features.item, earlier_text, features.NO_LIMIT, night, digest=digest
    )
    store = open_store(night)
    store.apply([features.item, features.query, earlier_view])
    store.materialize(start_date=START, end_date=AS_OF, feature_views=["item_text"])
    assert not materialize(night, NEXT_NIGHT)["texts_came_late"]
    assert read_online(night, "brand") == ["Sony", "Anker"]


def test_views_are_served_while_they_are_written(night):
    from feature_repo.store import open_store

    registry = open_store(night).registry
    assert registry.serve_features_while_materializing
    assert registry.cached_registry_proto_ttl <= timedelta(minutes=1)


def test_a_store_that_lost_everything_is_filled_again(tables, logs, tmp_path):
    with shared_feature_store(tmp_path) as redis:
        build(*tables, logs, AS_OF, tmp_path / "night")
        assert materialize(tmp_path / "night", AS_OF)["refilled_views"] == []
        redis.stop()
        redis.start()  # without its disk
        build(*tables, logs, NEXT_NIGHT, tmp_path / "night")
        details = materialize(tmp_path / "night", NEXT_NIGHT)
        assert details["refilled_views"] == ["item_text"]  # the others are written every night
        assert read_online(tmp_path / "night", "title") == ["Item a", "Item b"]


def test_the_same_night_fills_a_flushed_store(tables, logs, tmp_path):
    with shared_feature_store(tmp_path) as redis:
        build(*tables, logs, AS_OF, tmp_path / "night")
        materialize(tmp_path / "night", AS_OF)
        redis.stop()
        redis.start()
        details = materialize(tmp_path / "night", AS_OF)
        assert sorted(details["refilled_views"]) == ["item_statistics", "item_text", "query_statistics"]


def test_a_store_that_lost_one_row_is_noticed(night):
    import redis

    materialize(night, AS_OF)
    address, password = os.environ["BROADFAST_REDIS"].split(",")
    host, port = address.split(":")
    client = redis.Redis(host, int(port), password=password.removeprefix("password="))
    lost_key = next(key for key in client.scan_iter() if client.hexists(key, b"_ts:item_text"))
    client.delete(lost_key)
    assert "item_text" in materialize(night, NEXT_NIGHT)["refilled_views"]
    assert read_online(night, "title") == ["Item a", "Item b"]


def test_the_step_says_what_it_filled_again(tables, tmp_path):
    with shared_feature_store(tmp_path) as redis:
        outputs = (str(tmp_path / "night"), str(tmp_path / "training_set"))
        build_night(tables, "", AS_OF.isoformat(), outputs)
        redis.stop()
        redis.start()
        headline = build_night(tables, "", NEXT_NIGHT.isoformat(), outputs).headline
    assert headline.endswith("; written again, for the online store had lost them: item_text")
