"""Feast's store of one night: the training set it joins, and the same numbers again when it is read online."""

import shutil
from datetime import timedelta

import pytest

from components import contracts
from components.features.build import build
from components.features.materialize import materialize, write_training_set
from components.item_keys import item_key
from tests.components.features.conftest import AS_OF, item, judgement

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.slow  # imports Feast


@pytest.fixture
def folder(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "night")
    materialize(tmp_path / "night", AS_OF)
    return tmp_path / "night"


def test_the_training_set_keeps_the_judgements_order(tables, folder, tmp_path):
    assert write_training_set(tables[0], folder, AS_OF, tmp_path / "t.parquet") == 4
    rows = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    assert [(row["query_id"], row["item_id"]) for row in rows] == [("q1", "a"), ("q1", "b"), ("q2", "a"), ("q2", "c")]
    assert [row["price_ratio"] for row in rows] == [0.5, 1.0, 1.0, 1.0]
    assert [row["brand_match"] for row in rows] == [1.0, 0.0, 1.0, 0.0]
    assert [row["category_match"] for row in rows] == [1.0, 1.0, 0.0, 0.0]


def test_five_thousand_judgements_of_one_moment_are_joined(tables, folder, tmp_path):
    first = contracts.read(contracts.JUDGEMENTS, tables[0])[0]
    many = [{**first, "query_id": f"q{n % 70}", "item_id": "ab"[n % 2]} for n in range(5000)]
    contracts.write(many, contracts.JUDGEMENTS, tmp_path / "many.parquet")
    assert write_training_set(tmp_path / "many.parquet", folder, AS_OF, tmp_path / "t.parquet") == 5000


def test_each_locale_has_its_own_text_and_price(tables, logs, tmp_path):
    local = item(item_key("a", "es"), brand="Sony España", category="Sonido", price=30.0)
    contracts.write([item("a"), local], contracts.ITEMS, tables[1])
    rows = [judgement("q1", "a", locale=locale) for locale in ("us", "es", "fr")]
    contracts.write(rows, contracts.JUDGEMENTS, tables[0])
    build(*tables, logs, AS_OF, tmp_path / "night")
    materialize(tmp_path / "night", AS_OF)
    assert write_training_set(tables[0], tmp_path / "night", AS_OF, tmp_path / "t.parquet") == 3
    rows = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    assert [(row["price"], row["brand_match"], row["clicks_7d"]) for row in rows] == [
        (20, 1, 1),
        (30, 0, 1),
        (20, 1, 1),
    ]


def read_titles(folder, *item_ids: str) -> list:
    from feature_repo.store import open_store

    answer = open_store(folder).get_online_features(["item_text:title"], [{"item_id": name} for name in item_ids])
    return answer.to_dict()["title"]


def run_next_night(tables, folder, *items: dict) -> dict:
    """The next night in the same store, with other items."""
    contracts.write(list(items), contracts.ITEMS, tables[1])
    build(*tables, None, AS_OF + timedelta(days=1), folder)
    return materialize(folder, AS_OF + timedelta(days=1))


def test_the_next_night_writes_new_texts_only(tables, folder):
    facts = run_next_night(
        tables, folder, item("a"), item("b", price=40.0, brand="Anker"), item("d", time=AS_OF + HOUR)
    )
    assert facts["materialised"] == {"item_text": 1, "item_statistics": 3, "query_statistics": 2}
    assert read_titles(folder, "a", "b", "d") == ["Item a", "Item b", "Item d"] and not facts["texts_came_late"]


def test_a_late_text_is_served(tables, folder):
    facts = run_next_night(
        tables, folder, item("a"), item("b", price=40.0, brand="Anker"), item("e", time=AS_OF - HOUR)
    )
    assert facts["texts_came_late"] and facts["materialised"]["item_text"] == 3
    assert read_titles(folder, "e") == ["Item e"]


def test_the_same_night_again_writes_nothing(folder):
    assert set(materialize(folder, AS_OF)["materialised"].values()) == {0}


def test_a_moved_store_answers_without_source_files(folder, tmp_path):
    from feature_repo.store import open_store

    shutil.move(folder, tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere").glob("*.parquet"):
        path.unlink()
    references = ["item_text:title", "item_statistics:price"]
    answer = open_store(tmp_path / "elsewhere").get_online_features(references, [{"item_id": "b"}, {"item_id": "c"}])
    assert answer.to_dict()["title"] == ["Item b", None]
    assert answer.to_dict()["price"] == [40.0, None]
