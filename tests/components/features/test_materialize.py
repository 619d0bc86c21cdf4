"""Feast's store of one night: the training set it joins, and the same numbers again when it is read online."""

import shutil

import pytest

from components import contracts
from components.features.build import build
from components.features.materialize import materialize, training_set
from tests.components.features.conftest import AS_OF

pytestmark = pytest.mark.slow  # imports Feast


@pytest.fixture
def folder(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "night")
    materialize(tmp_path / "night", AS_OF)
    return tmp_path / "night"


def test_the_training_set_has_every_judgement_in_order_with_its_numbers(tables, folder, tmp_path):
    assert training_set(tables[0], folder, AS_OF, tmp_path / "t.parquet") == 4
    found = contracts.read(contracts.TRAINING_SET, tmp_path / "t.parquet")
    assert [(row["query_id"], row["item_id"]) for row in found] == [("q1", "a"), ("q1", "b"), ("q2", "a"), ("q2", "c")]
    assert [row["price_ratio"] for row in found] == [0.5, 1.0, 1.0, 1.0]
    assert [row["brand_match"] for row in found] == [1.0, 0.0, 1.0, 0.0]
    assert [row["category_match"] for row in found] == [1.0, 1.0, 0.0, 0.0]


def test_five_thousand_judgements_of_one_moment_come_back_as_five_thousand(tables, folder, tmp_path):
    first = contracts.read(contracts.JUDGEMENTS, tables[0])[0]
    many = [{**first, "query_id": f"q{n % 70}", "item_id": "ab"[n % 2]} for n in range(5000)]
    contracts.write(many, contracts.JUDGEMENTS, tmp_path / "many.parquet")
    assert training_set(tmp_path / "many.parquet", folder, AS_OF, tmp_path / "t.parquet") == 5000


def test_a_store_that_was_moved_and_lost_its_source_files_still_answers(folder, tmp_path):
    from feature_repo.store import open_store

    shutil.move(folder, tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere").glob("*.parquet"):
        path.unlink()
    references = ["item_text:title", "item_statistics:price"]
    answer = open_store(tmp_path / "elsewhere").get_online_features(references, [{"item_id": "b"}, {"item_id": "c"}])
    assert answer.to_dict()["title"] == ["Item b", None]
    assert answer.to_dict()["price"] == [40.0, None]
