"""One query text in a locale stands in one split, whatever its ids are."""

from collections import Counter

import pytest

from components.judgements.queries import carve_valid_split, split_anew
from tests.components.judgements.sources import GOOD, csv_file, jsonl_file, many_rows


def splits_by_query(tables) -> set[tuple[str, str]]:
    return {(row["query_id"], row["split"]) for row in tables.judgements}


def test_a_source_is_split_by_query(tmp_path, prepare_source):
    tables = prepare_source(csv_file(tmp_path / "a.csv", many_rows()))
    splits = tables.details["splits"]
    assert len(splits_by_query(tables)) == tables.details["queries"] == 60
    assert splits["train"] > splits["valid"] > 0 and splits["test"] > 0


def test_more_valid_queries_come_from_test_alone(tmp_path, prepare_source):
    source = csv_file(tmp_path / "a.csv", many_rows())
    few = dict(splits_by_query(prepare_source(source, valid_percent=15)))
    more = dict(splits_by_query(prepare_source(source, valid_percent=25)))
    changes = {(few[query], more[query]) for query in few if few[query] != more[query]}
    assert changes == {("test", "valid")}


def test_a_querys_split_ignores_other_queries(tmp_path, prepare_source):
    few = splits_by_query(prepare_source(csv_file(tmp_path / "few.csv", many_rows(20))))
    more = splits_by_query(prepare_source(csv_file(tmp_path / "more.csv", many_rows(60))))
    assert few < more


@pytest.mark.parametrize("text", ["red shoe", "RED shoe", " red   shoe", "ｒｅｄ ｓｈｏｅ"])
def test_one_text_is_one_query(tmp_path, prepare_source, text):
    rows = [GOOD | {"query_id": f"search-{n}", "query": text if n else "red shoe"} for n in range(40)]
    rows += [row | {"item_id": "i2", "label": "I"} for row in rows]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert len(splits_by_query(tables)) == 1
    assert [row["item_id"] for row in tables.judgements] == ["i1", "i2"]
    assert tables.details["quarantined_by_reason"] == {"duplicate": 78}


def test_a_texts_id_outlives_search_ids(tmp_path, prepare_source):
    rows = [GOOD | {"query_id": f"search-{n}"} for n in range(4)]
    (first,) = prepare_source(csv_file(tmp_path / "a.csv", rows[:2])).judgements
    (second,) = prepare_source(csv_file(tmp_path / "b.csv", rows[2:])).judgements
    assert first["query_id"] == second["query_id"]


def test_one_text_in_two_locales_is_two_queries(tmp_path, prepare_source):
    rows = [GOOD | {"query": "pan", "locale": "us"}, GOOD | {"query": "pan", "locale": "es", "item_id": "i2"}]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert len({row["query_id"] for row in tables.judgements}) == 2


def test_spellings_of_a_locale_are_one(tmp_path, prepare_source):
    rows = [GOOD | {"query_id": "", "locale": locale, "item_id": locale} for locale in ("en_US", "en-us", "EN-US")]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert len({row["query_id"] for row in tables.judgements}) == 1


def test_rows_without_a_split_follow_their_query(tmp_path, prepare_source):
    rows = [GOOD | {"item_id": "i1", "split": ""}, GOOD | {"item_id": "i2", "split": "Valid"}]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert [row["split"] for row in tables.judgements] == ["valid", "valid"]


def test_a_missing_valid_split_is_carved_from_train(tmp_path, prepare_source):
    rows = [row | {"split": "test" if row["query_id"].endswith("0") else "Training"} for row in many_rows(50)]
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", rows))
    counts = Counter(split for _, split in splits_by_query(tables))
    assert counts == {"train": 37, "valid": 8, "test": 5}
    assert "a.jsonl has no queries in a valid split" in tables.details["warnings"][0]
    assert "one is carved from the train split by query (8 of its queries)" in tables.details["warnings"][0]


def test_what_a_night_held_out_is_split_anew(tmp_path, prepare_source):
    splits = dict(splits_by_query(prepare_source(csv_file(tmp_path / "a.csv", many_rows(100)))))
    rows = [row for row in many_rows(100) if splits[row["query_id"]] == "valid"]
    tables = prepare_source(csv_file(tmp_path / "b.csv", rows))
    counts = Counter(split for _, split in splits_by_query(tables))
    assert counts == {"train": 12, "valid": 3, "test": 2}
    assert "none of its 17 queries is of the train split by its id" in tables.details["warnings"][0]


def test_few_queries_are_split_anew_too():
    assert sorted(split_anew(["q1", "q2"], 70, 15).values()) == ["train", "valid"]
    assert sorted(split_anew(["q1", "q2", "q3", "q4", "q5"], 70, 15).values()) == ["train"] * 3 + ["valid"] * 2


def test_a_valid_split_that_is_large_enough_stays():
    splits = {f"q{n}": "valid" if n < 20 else "train" for n in range(10_000)}
    assert not carve_valid_split(splits, 0.2)
    assert len(carve_valid_split(splits | {"q0": "train"}, 0.2)) == round(0.2 * 9_981)


def test_the_last_train_query_stays():
    assert not carve_valid_split({"q1": "train"}, 0.5)
    assert len(carve_valid_split({"q1": "train", "q2": "train"}, 0.9)) == 1
