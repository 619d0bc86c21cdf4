"""Online reads: texts, numbers, ages; and the same numbers as in the training set."""

import shutil
from datetime import UTC, datetime

import pytest

from components import contracts
from tests.rows import judgement

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


def test_a_query_without_an_id_has_two_missing_numbers_an_item(online):
    assert online.find("hose", "q1", ["i1", "i3"]).missing == 0
    assert online.find("hose", None, ["i1", "i3"]).missing == 4


def test_the_ten_numbers_are_the_same_as_in_the_training_set(online, night, tmp_path):
    from components.features.materialize import training_set

    rows = [judgement(query="acme hose", item_id=item_id) for item_id in ("i1", "i2", "i3")]
    contracts.write(rows, contracts.JUDGEMENTS, tmp_path / "judgements.parquet")
    training_set(tmp_path / "judgements.parquet", night, datetime.now(UTC), tmp_path / "t.parquet")
    offline = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    expected = [{name: row[name] for name in contracts.FEATURES} for row in offline]
    assert online.find("acme hose", "q1", ["i1", "i2", "i3"]).features == expected


def test_numbers_over_their_age_limit_are_used_and_flagged(night):
    from serving.features import OnlineFeatures

    found = OnlineFeatures(night, max_age_s=0.0).find("hose", None, ["i1"])
    assert found.stale == [True] and found.features[0]["price"] == 50.0


def test_rows_are_kept_for_a_while_and_never_more_than_allowed(night):
    from serving.features import OnlineFeatures

    online = OnlineFeatures(night, keep=2)
    online.find("hose", None, ["i1", "i2"])
    online.find("hose", None, ["i3"])
    assert set(online.kept) == {"i3"}


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
    with pytest.raises(ValueError, match="does not answer as a folder of materialised features"):
        OnlineFeatures(tmp_path / "copy")
