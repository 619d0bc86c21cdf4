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


def test_items_keep_their_order_and_unknown_are_named(online):
    result = online.lookup("acme hose", "q1", ["i3", "zz", "i1"])
    assert [row["title"] for row in result.items] == ["garden hose", "red running shoes"]
    assert result.unknown_ids == ["zz"]
    assert result.features[0]["brand_match"] == 1.0 and result.features[1]["price"] == 50.0


@pytest.mark.parametrize(
    ("locale", "titles"),
    [
        (None, ["garden hose", "red running shoes"]),
        ("us", ["garden hose", "red running shoes"]),
        ("es", ["manguera de jardín", "red running shoes"]),
        ("fr", ["garden hose", "red running shoes"]),
    ],
)
def test_an_item_has_its_locales_text(online, locale, titles):
    result = online.lookup("hose", "q1", ["i3", "i1", "zz"], locale)
    assert [row["title"] for row in result.items] == titles
    assert [row["item_id"] for row in result.items] == ["i3", "i1"]
    assert result.unknown_ids == ["zz"]
    assert result.features[0]["price"] == (25.0 if locale == "es" else 20.0)


def test_missing_numbers_are_named_per_item(online):
    assert online.lookup("hose", "q1", ["i1"]).missing == [QUERY_FEATURES[2:]]
    assert online.lookup("hose", None, ["i1", "i3"]).missing == [QUERY_FEATURES] * 2


def test_numbers_equal_those_of_the_training_set(online, night, tmp_path):
    from components.features.materialize import write_training_set

    rows = [judgement(query="acme hose", item_id=item_id) for item_id in ("i1", "i2", "i3")]
    contracts.write(rows, contracts.JUDGEMENTS, tmp_path / "judgements.parquet")
    write_training_set(tmp_path / "judgements.parquet", night, datetime.now(UTC), tmp_path / "t.parquet")
    offline = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    result = online.lookup("acme hose", "q1", ["i1", "i2", "i3"])
    for numbers, row in zip(result.features, offline, strict=True):
        assert numbers == {name: row[name] for name in contracts.FEATURES}


def test_numbers_over_their_age_become_defaults(night):
    from serving.features import OnlineFeatures

    result = OnlineFeatures(night, max_age_s=0.0).lookup("acme hose", "q1", ["i1"])
    assert result.stale == [True] and result.missing == [(*ITEM_FEATURES, *QUERY_FEATURES)]
    assert result.features[0] == DEFAULTS | {"brand_match": 1.0} and result.items[0]["title"] == "red running shoes"


def test_training_and_serving_agree_on_stale_numbers(night, tmp_path):
    from components.features.materialize import write_training_set
    from serving.features import OnlineFeatures

    contracts.write([judgement(query="acme hose", item_id="i1")], contracts.JUDGEMENTS, tmp_path / "j.parquet")
    late = datetime.now(UTC) + timedelta(days=3)
    write_training_set(tmp_path / "j.parquet", night, late, tmp_path / "t.parquet")
    (offline,) = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    (online,) = OnlineFeatures(night, max_age_s=0.0).lookup("acme hose", "q1", ["i1"]).features
    assert online == {name: offline[name] for name in contracts.FEATURES}


def test_the_memory_of_rows_is_bounded(night):
    from serving.features import OnlineFeatures

    online = OnlineFeatures(night, capacity=2)
    online.lookup("hose", None, ["i1", "i2"])
    online.lookup("hose", None, ["i3"])
    assert set(online.cache) == {("item_id", "i2"), ("item_id", "i3")}


def drop_table(online):
    """Drop the store's table under the features, and return them."""
    online.store._get_provider().online_store._get_conn(online.store.config).execute("DROP TABLE relevance_item_text")
    return online


def test_an_outage_leaves_only_remembered_rows(night, tmp_path):
    from serving.features import OnlineFeatures, Unavailable

    shutil.copytree(night, tmp_path / "copy")
    online = OnlineFeatures(tmp_path / "copy", keep_s=0.0)
    assert not online.lookup("hose", None, ["i1"]).is_degraded
    result = drop_table(online).lookup("hose", None, ["i1"])
    assert result.is_degraded and result.features[0]["price"] == 50.0
    with pytest.raises(Unavailable, match="the text of 'i3' and of 1 more is not remembered"):
        online.lookup("hose", None, ["i1", "i3", "zz"])


def test_a_view_that_is_materialised_is_an_outage(night, tmp_path):
    from feast.feature_view import FeatureViewState

    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    online = OnlineFeatures(tmp_path / "copy", keep_s=0.0)
    online.lookup("hose", None, ["i1"])
    view = online.store.get_feature_view("item_text")
    view.state = FeatureViewState.MATERIALIZING
    online.store.registry.apply_feature_view(view, online.store.project)
    online.store.refresh_registry()
    result = online.lookup("hose", None, ["i1"])
    assert result.is_degraded and result.features[0]["price"] == 50.0


def test_inline_items_get_defaults_in_an_outage(night, tmp_path):
    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    online = OnlineFeatures(tmp_path / "copy", keep_s=0.0)
    online.paused_until = float("inf")
    result = online.lookup_for_inline_items("hose", "q1", [{"title": "red", "price": 9.0}])
    assert result.is_degraded and result.features[0]["price"] == 9.0 and result.features[0]["query_frequency"] == 0.0


@pytest.mark.parametrize("absent", ["registry.db", "online.db"])
def test_an_incomplete_folder_is_refused_by_name(night, tmp_path, absent):
    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    (tmp_path / "copy" / absent).unlink()
    with pytest.raises(ValueError, match=f"has no {absent}: it is no folder of materialised features"):
        OnlineFeatures(tmp_path / "copy")


def test_a_store_without_tables_is_refused(night, tmp_path):
    from serving.features import OnlineFeatures

    shutil.copytree(night, tmp_path / "copy")
    (tmp_path / "copy" / "online.db").write_bytes(b"")
    with pytest.raises(ValueError, match="does not answer as a store of materialised features"):
        OnlineFeatures(tmp_path / "copy")
