"""Judgements are checked row by row; what is refused is kept with its reason, and no query is in two splits."""

import os
from pathlib import Path

import pytest

from components import contracts
from components.judgements.prepare import TEXT_LIMIT, PrepareConfig, prepare
from components.judgements.readers import named_columns
from tests.components.judgements.sources import GOOD, csv_file, esci_release, jsonl_file

ESCI = os.environ.get("BROADFAST_ESCI", "")


@pytest.fixture
def prepared(tmp_path):
    """What `prepare` makes of a source: facts, judgements, items, refused rows."""
    out = tuple(tmp_path / f"{name}.parquet" for name in ("judgements", "items", "refused"))

    def made(path: Path, columns: str = "", **config) -> tuple:
        facts = prepare(path, named_columns(columns), PrepareConfig(**config), out)
        assert facts["rows_in"] == facts["rows_out"] + facts["set_aside"]
        tables = zip((contracts.JUDGEMENTS, contracts.ITEMS, contracts.QUARANTINED_ROWS), out, strict=True)
        return facts, *(contracts.read(schema, path) for schema, path in tables)

    return made


def many(queries: int = 60, pairs: int = 3) -> list[dict]:
    names = [(f"q{q}", f"i{q % 7}-{n}") for q in range(queries) for n in range(pairs)]
    return [GOOD | {"query_id": query, "item_id": item, "label": "ESCI"[len(item) % 4]} for query, item in names]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label": "great"}, "unknown label: 'great' is none of E, S, C, I or their names"),
        ({"label": None}, "unknown label: None is none of E, S, C, I or their names"),
        ({"query": "  "}, "empty query"),
        ({"title": None}, "empty title"),
        ({"item_id": "i1"}, "duplicate: a.jsonl:1 has it"),
        ({"item_id": "i1", "label": "Substitute"}, "duplicate: a.jsonl:1 has it with the label Exact"),
        ({"split": "test"}, "split leak: the query is in train already, and here in test"),
        ({"split": "later"}, "unknown split: 'later' is none of train, valid, validation, dev, test"),
        ({"title": ["a"]}, "wrong type: title is a list, not text"),
        ({"query_id": 1.5}, "wrong type: query_id is a float, not text"),
        ({"price": "cheap"}, "wrong type: price is 'cheap', not a number"),
        ({"price": float("nan")}, "wrong type: price is nan, not a number"),
        ({"title": "x" * (TEXT_LIMIT + 1)}, "too long: title has 100,001 characters, at most 100,000 are read"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_file_line_and_reason(tmp_path, prepared, change, reason):
    source = jsonl_file(tmp_path / "a.jsonl", [GOOD | {"split": "train"}, GOOD | {"item_id": "i2"} | change])
    facts, good, _, refused = prepared(source)
    assert [(row["file"], row["line"], row["reason"]) for row in refused] == [("a.jsonl", 2, reason)]
    assert (facts["rows_in"], facts["rows_out"], facts["refused"], len(good)) == (2, 1, 1, 1)
    assert facts["refused_by_reason"] == {reason.split(":")[0]: 1}


def test_a_broken_json_line_is_set_aside_and_the_rest_is_read(tmp_path, prepared):
    facts, good, _, (refused,) = prepared(jsonl_file(tmp_path / "a.jsonl", [GOOD, "{broken"]))
    assert refused["line"] == 2 and refused["reason"].startswith("not JSON: ")
    assert len(good) == 1 and facts["set_aside"] == 1


def test_a_refused_row_is_shown_but_not_at_full_length(tmp_path, prepared):
    _, _, _, (refused,) = prepared(jsonl_file(tmp_path / "a.jsonl", [GOOD, GOOD | {"title": "x" * 200_000}]))
    assert refused["row"].startswith('{"query"') and len(refused["row"]) == 500


def test_a_source_without_a_good_row_is_refused_with_the_first_reason(tmp_path, prepared):
    with pytest.raises(ValueError, match="no usable judgement among 1 rows; the first: line 2, unknown label: 'x'"):
        prepared(csv_file(tmp_path / "a.csv", [GOOD | {"label": "x"}]))


def test_labels_are_taken_as_letters_or_names_in_any_case(tmp_path, prepared):
    labels = ("E", "s", "complement", "Irrelevant")
    rows = [GOOD | {"item_id": f"i{n}", "label": label} for n, label in enumerate(labels)]
    _, good, _, _ = prepared(csv_file(tmp_path / "a.csv", rows))
    assert [row["label"] for row in good] == list(contracts.LABELS)


def test_queries_and_items_without_names_get_stable_ones(tmp_path, prepared):
    row = {name: GOOD[name] for name in ("query", "title", "label")}
    rows = [row, row | {"query": "RED  shoe", "title": "Hose"}]
    _, good, _, _ = prepared(csv_file(tmp_path / "a.csv", rows))
    assert len({row["query_id"] for row in good}) == 1 and len({row["item_id"] for row in good}) == 2
    assert {row["locale"] for row in good} == {"us"}


def test_a_source_without_splits_is_split_by_query_and_never_by_pair(tmp_path, prepared):
    facts, good, _, _ = prepared(csv_file(tmp_path / "a.csv", many()))
    splits = {(row["query_id"], row["split"]) for row in good}
    assert len(splits) == facts["queries"] == 60
    assert facts["splits"]["train"] > facts["splits"]["valid"] > 0 and facts["splits"]["test"] > 0


def test_more_queries_for_the_gate_are_taken_from_the_test_split_alone(tmp_path, prepared):
    source = csv_file(tmp_path / "a.csv", many())
    few, more = ({row["query_id"]: row["split"] for row in prepared(source, valid_percent=v)[1]} for v in (15, 25))
    moved = {(few[query], more[query]) for query in few if few[query] != more[query]}
    assert moved == {("test", "valid")}


def test_shares_of_more_than_all_queries_are_refused(tmp_path, prepared):
    source = jsonl_file(tmp_path / "a.jsonl", [GOOD])
    with pytest.raises(ValueError, match="train_percent 80 and valid_percent 30 are no shares of 100"):
        prepared(source, train_percent=80, valid_percent=30)


def test_the_split_of_a_query_does_not_depend_on_the_other_queries(tmp_path, prepared):
    _, few, _, _ = prepared(csv_file(tmp_path / "few.csv", many(10)))
    _, more, _, _ = prepared(csv_file(tmp_path / "more.csv", many(60)))
    assert {(row["query_id"], row["split"]) for row in few} < {(row["query_id"], row["split"]) for row in more}


def test_a_sample_keeps_whole_queries_and_counts_the_rest(tmp_path, prepared):
    facts, good, _, _ = prepared(csv_file(tmp_path / "a.csv", many()), max_queries=5)
    assert (facts["queries"], len(good), facts["sampled_out"], facts["refused"]) == (5, 15, 165, 0)


def test_each_item_is_kept_once_as_its_first_row_shows_it(tmp_path, prepared):
    rows = [GOOD | {"price": 9.5}, GOOD | {"query_id": "q2", "price": 8.5}]
    facts, _, (item,), _ = prepared(csv_file(tmp_path / "a.csv", rows), as_of="2026-01-02T00:00:00+00:00")
    assert facts["items"] == 1 and item["price"] == 9.5
    assert item["time"].isoformat() == "2026-01-02T00:00:00+00:00"


def test_queries_without_a_class_are_ranked_by_how_much_was_judged_for_them(tmp_path, prepared):
    rows = [GOOD | {"query_id": f"q{q:02}", "item_id": f"i{n}"} for q in range(10) for n in range(10 - q)]
    _, good, _, _ = prepared(csv_file(tmp_path / "a.csv", rows))
    classes = {row["query_id"]: row["query_class"] for row in good}
    assert list(classes.values()) == ["head"] + ["torso"] * 4 + ["tail"] * 5


def test_escis_release_is_prepared_from_its_folder(tmp_path, prepared):
    facts, good, _, _ = prepared(esci_release(tmp_path / "esci"))
    assert facts["splits"] == {"train": 2, "test": 1} and facts["labels"] == {"Exact": 2, "Irrelevant": 1}
    assert {row["locale"] for row in good} == {"us", "es"}


@pytest.mark.skipif(not ESCI, reason="BROADFAST_ESCI names no folder with esci_pairs.parquet")
def test_real_pairs_of_esci_are_read_through_named_columns(prepared):
    columns = "item_id=product_id,title=product_title,attributes=color"
    facts, good, items, refused = prepared(Path(ESCI, "esci_pairs.parquet"), columns)
    assert facts["rows_in"] == 7296 and len(good) + len(refused) == 7296
    assert set(facts["labels"]) == set(contracts.LABELS) and facts["items"] == len(items)
