"""Online reads: texts, numbers, ages; and the same numbers as in the training set."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from components import contracts
from components.cross_features import DEFAULTS, ITEM_FEATURES, QUERY_FEATURES
from testing.rows import judgement

pytestmark = pytest.mark.slow  # imports Feast


@pytest.fixture
def online(night):
    from serving.features import OnlineFeatures

    return OnlineFeatures(night)


def test_known_items_come_in_the_order_asked_and_unknown_ones_by_name(online):
    found = online.find("acme hose", "q1", ["i3", "zz", "i1"])
    assert [row["title"] for row in found.items] == ["garden hose", "red running shoes"]
    assert found.unknown == ["zz"]
    assert found.features[0]["brand_match"] == 1.0 and found.features[1]["price"] == 50.0


def test_what_is_missing_is_said_by_name_an_item(online):
    assert online.find("hose", "q1", ["i1"]).missing == [QUERY_FEATURES[2:]]
    assert online.find("hose", None, ["i1", "i3"]).missing == [QUERY_FEATURES] * 2


def test_the_numbers_are_the_same_as_in_the_training_set(online, night, tmp_path):
    from components.features.materialize import training_set

    rows = [judgement(query="acme hose", item_id=item_id) for item_id in ("i1", "i2", "i3")]
    contracts.write(rows, contracts.JUDGEMENTS, tmp_path / "judgements.parquet")
    training_set(tmp_path / "judgements.parquet", night, datetime.now(UTC), tmp_path / "t.parquet")
    offline = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    expected = [{name: row[name] for name in contracts.FEATURES} for row in offline]
    assert online.find("acme hose", "q1", ["i1", "i2", "i3"]).features == expected


def test_numbers_over_their_age_limit_are_replaced_by_their_defaults_and_flagged(night):
    from serving.features import OnlineFeatures

    found = OnlineFeatures(night, max_age_s=0.0).find("acme hose", "q1", ["i1"])
    assert found.stale == [True] and found.missing == [(*ITEM_FEATURES, *QUERY_FEATURES)]
    assert found.features[0] == DEFAULTS | {"brand_match": 1.0} and found.items[0]["title"] == "red running shoes"


def test_stale_numbers_are_those_that_training_does_not_know_either(night, tmp_path):
    from components.features.materialize import training_set
    from serving.features import OnlineFeatures

    contracts.write([judgement(query="acme hose", item_id="i1")], contracts.JUDGEMENTS, tmp_path / "j.parquet")
    late = datetime.now(UTC) + timedelta(days=3)
    training_set(tmp_path / "j.parquet", night, late, tmp_path / "t.parquet")
    (offline,) = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    (online,) = OnlineFeatures(night, max_age_s=0.0).find("acme hose", "q1", ["i1"]).features
    assert online == {name: offline[name] for name in contracts.FEATURES}


def test_rows_are_remembered_and_never_more_than_allowed(night):
    from serving.features import OnlineFeatures

    online = OnlineFeatures(night, keep=2)
    online.find("hose", None, ["i1", "i2"])
    online.find("hose", None, ["i3"])
    assert set(online.kept) == {("item_id", "i2"), ("item_id", "i3")}


def broken(online):
    """The same features, whose store has just lost its table."""
    online.store._get_provider().online_store._get_conn(online.store.config).execute("DROP TABLE relevance_item_text")
    return online


def test_while_the_store_does_not_answer_remembered_rows_are_used_and_unknown_texts_are_unavailable(night, tmp_path):
    from serving.features import OnlineFeatures, Unavailable

    shutil.copytree(night, tmp_path / "copy")
    online = OnlineFeatures(tmp_path / "copy", keep_s=0.0)
    assert not online.find("hose", None, ["i1"]).degraded
    found = broken(online).find("hose", None, ["i1"])
    assert found.degraded and found.features[0]["price"] == 50.0
    with pytest.raises(Unavailable, match="the text of 'i3' and of 1 more is not remembered"):
        online.find("hose", None, ["i1", "i3", "zz"])


def test_an_items_own_text_is_scored_with_defaults_while_the_store_does_not_answer(night, tmp_path):
    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    online = OnlineFeatures(tmp_path / "copy", keep_s=0.0)
    online.paused_until = float("inf")
    found = online.given("hose", "q1", [{"title": "red", "price": 9.0}])
    assert found.degraded and found.features[0]["price"] == 9.0 and found.features[0]["query_frequency"] == 0.0


@pytest.mark.parametrize("lost", ["registry.db", "online.db"])
def test_a_folder_that_is_not_whole_is_refused_by_what_it_lacks(night, tmp_path, lost):
    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    (tmp_path / "copy" / lost).unlink()
    with pytest.raises(ValueError, match=f"has no {lost}: it is no folder of materialised features"):
        OnlineFeatures(tmp_path / "copy")


def test_an_online_store_without_tables_is_refused_in_a_sentence(night, tmp_path):
    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    (tmp_path / "copy" / "online.db").write_bytes(b"")
    with pytest.raises(ValueError, match="does not answer as a store of materialised features"):
        OnlineFeatures(tmp_path / "copy")
