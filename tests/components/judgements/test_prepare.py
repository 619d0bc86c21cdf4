"""Judgements are checked row by row, and quarantined rows keep their file, line and reason."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import contracts
from components.item_keys import item_key
from components.judgements.collect import collect
from components.judgements.config import PrepareConfig
from components.judgements.fields import TEXT_LIMIT
from components.judgements.readers import open_source
from tests.components.judgements.sources import GOOD, csv_file, esci_release, jsonl_file, many_rows

ESCI = os.environ.get("BROADFAST_ESCI", "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label": "great"}, "unknown label: 'great' is none of E, S, C, I or their names"),
        ({"label": None}, "unrated: the row has no label"),
        ({"label": float("nan")}, "unrated: the row has no label"),
        ({"query": "  "}, "empty query"),
        ({"title": None}, "empty title"),
        ({"item_id": "i1"}, "duplicate: a.jsonl:1 has it"),
        ({"split": "test"}, "split leak: the query is in train already, and here in test"),
        ({"split": "later"}, "unknown split: 'later' is none of train, "),
        ({"title": ["a"]}, "wrong type: title is a list, not text"),
        ({"query": True}, "wrong type: query is a bool, not text"),
        ({"title": "x" * (TEXT_LIMIT + 1)}, "too long: title has 100,001 characters, at most 100,000 are read"),
        ({"query": "blue shoe"}, "query id conflict: q1 is 'red shoe' already, and here 'blue shoe'"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_line(tmp_path, prepare_source, change, reason):
    rows = [GOOD | {"split": "train"}, GOOD | {"item_id": "i2"} | change]
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", rows))
    (row,) = tables.quarantine
    assert (row["file"], row["line"]) == ("a.jsonl", 2)
    assert row["reason"].startswith(reason)
    assert (tables.result.rows_out, tables.details["quarantined_rows"]) == (1, 1)
    assert tables.details["quarantined_by_reason"] == {reason.split(":")[0]: 1}


@pytest.mark.parametrize(
    "field",
    [
        {"price": "$3.99"},
        {"price": "1.299,00"},
        {"price": -1.0},
        {"price": float("nan")},
        {"rating": "five"},
        {"brand": float("nan")},
        {"attributes": ["black", 42]},
        {"category": {"path": "a"}},
        {"category": True},
        {"price": True},
        {"item_id": 1.5},
        {"query_id": float("nan")},
        {"brand": "x" * (TEXT_LIMIT + 1)},
    ],
)
def test_an_unreadable_optional_field_never_costs_the_row(tmp_path, prepare_source, field):
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", [GOOD | field]))
    assert tables.result.rows_out == 1 and not tables.quarantine
    assert tables.details["unreadable_fields"] == dict.fromkeys(field, 1)
    (name,) = field
    assert f"a.jsonl: {name} cannot be read in 1 rows" in " ".join(tables.details["warnings"])


@pytest.mark.parametrize("text", ["nan", "NULL", "None", "n/a", " N/A ", "<NA>"])
def test_words_for_a_missing_value_are_unknown(tmp_path, prepare_source, text):
    fields = dict.fromkeys(("item_id", "brand", "category", "attributes"), text)
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", [GOOD | fields | {"query": "null", "title": "None"}]))
    (row,) = tables.judgements
    assert (row["query"], row["title"]) == ("null", "None")
    assert (row["brand"], row["category"], row["attributes"]) == (None, None, None)
    assert row["item_id"] not in fields.values() and not tables.details["unreadable_fields"]


def test_whole_floats_are_ids(tmp_path, prepare_source):
    rows = [GOOD | {"query_id": 7.0, "item_id": 8.0}]
    (row,) = prepare_source(jsonl_file(tmp_path / "a.jsonl", rows)).judgements
    assert (row["query_id"], row["item_id"]) == ("7", "8")


def test_a_broken_line_is_quarantined_alone(tmp_path, prepare_source):
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", [GOOD, "{broken"]))
    ((line, reason),) = tables.reasons
    assert line == 2 and reason.startswith("not JSON: ")
    assert len(tables.judgements) == 1 and tables.result.quarantined == 1


def test_a_quarantined_row_is_shown_in_part(tmp_path, prepare_source):
    rows = [GOOD, GOOD | {"title": "x" * 200_000}]
    (row,) = prepare_source(jsonl_file(tmp_path / "a.jsonl", rows)).quarantine
    assert row["row"].startswith('{"query"') and len(row["row"]) == 500


def test_a_source_without_a_good_row_is_refused(tmp_path, prepare_source):
    sentence = "no usable judgement among 1 rows; the first: line 2, unknown label. a.csv: 1 rows have .*Say what"
    with pytest.raises(ValueError, match=sentence):
        prepare_source(csv_file(tmp_path / "a.csv", [GOOD | {"label": "x"}]))


def test_a_source_of_empty_titles_has_a_remedy(tmp_path, prepare_source):
    sentence = "among 1 rows; the first: line 2, empty title. Remedy: fill in the title of every row"
    with pytest.raises(ValueError, match=sentence):
        prepare_source(csv_file(tmp_path / "a.csv", [GOOD | {"title": ""}]))


def test_a_source_without_rows_is_refused(tmp_path, prepare_source):
    (tmp_path / "header_only.csv").write_text("query,title,label\n")
    sentence = "header_only.csv has no rows: write one row a pair, with query, title and label"
    with pytest.raises(ValueError, match=sentence):
        prepare_source(tmp_path / "header_only.csv")


def test_labels_are_letters_or_names_in_any_case(tmp_path, prepare_source):
    labels = ("E", "s", "complement", "Irrelevant")
    rows = [GOOD | {"item_id": f"i{n}", "label": label} for n, label in enumerate(labels)]
    judgements = prepare_source(csv_file(tmp_path / "a.csv", rows)).judgements
    assert [row["label"] for row in judgements] == list(contracts.LABELS)


def test_queries_and_items_without_ids_get_stable_ones(tmp_path, prepare_source):
    row = {name: GOOD[name] for name in ("query", "title", "label")}
    rows = [row, row | {"query": "RED  shoe", "title": "Hose"}]
    judgements = prepare_source(csv_file(tmp_path / "a.csv", rows)).judgements
    assert len({row["query_id"] for row in judgements}) == 1
    assert len({row["item_id"] for row in judgements}) == 2
    assert {row["locale"] for row in judgements} == {"us"}


def test_shares_over_100_percent_are_refused(tmp_path, prepare_source):
    source = jsonl_file(tmp_path / "a.jsonl", [GOOD])
    with pytest.raises(ValueError, match="train_percent 80 and valid_percent 30 are no shares of 100"):
        prepare_source(source, train_percent=80, valid_percent=30)


def test_a_sample_keeps_whole_queries(tmp_path, prepare_source):
    tables = prepare_source(csv_file(tmp_path / "a.csv", many_rows()), max_queries=5)
    assert (tables.details["queries"], len(tables.judgements)) == (5, 15)
    assert (tables.details["sampled_out"], tables.details["quarantined_rows"]) == (165, 0)


def test_each_item_appears_once(tmp_path, prepare_source):
    rows = [GOOD | {"price": 9.5}, GOOD | {"query_id": "q2", "query": "sock", "price": 8.5}]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows), as_of="2026-01-02T00:00:00+00:00")
    (item,) = tables.items
    assert tables.details["items"] == 1 and item["price"] == 9.5
    assert item["time"].isoformat() == "2026-01-02T00:00:00+00:00"


def test_an_item_in_two_locales_is_two_texts(tmp_path, prepare_source):
    rows = [
        GOOD | {"query": "pan", "locale": "es", "item_id": "B01", "title": "Sartén"},
        GOOD | {"query": "pan", "locale": "us", "item_id": "B01", "title": "Frying pan"},
        GOOD | {"query": "pan", "locale": "es", "item_id": "B02", "title": "Pan de molde"},
    ]
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", rows))
    titles = {item["item_id"]: item["title"] for item in tables.items}
    assert titles == {"B01": "Frying pan", item_key("B01", "es"): "Sartén", "B02": "Pan de molde"}


def test_queries_without_a_class_are_ranked(tmp_path, prepare_source):
    rows = [
        GOOD | {"query_id": f"q{query:02}", "query": f"shoe {query}", "item_id": f"i{number}"}
        for query in range(10)
        for number in range(10 - query)
    ]
    judgements = prepare_source(csv_file(tmp_path / "a.csv", rows)).judgements
    classes = {row["query_id"]: row["query_class"] for row in judgements}
    assert list(classes.values()) == ["head"] + ["torso"] * 4 + ["tail"] * 5


def test_unknown_query_classes_are_counted(tmp_path, prepare_source):
    classes = ("Table Lamps", "Table Lamps", "Beds", "Head", "")
    rows = [GOOD | {"query_id": f"q{n}", "query": f"shoe {n}", "query_class": name} for n, name in enumerate(classes)]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert tables.details["unknown_query_classes"] == 3 and tables.judgements[3]["query_class"] == "head"
    sentence = (
        "a.csv: 3 rows have a query_class that is none of head, torso, tail, as 'Table Lamps' (2 rows): "
        "it is replaced by how much was judged for the query"
    )
    assert sentence in tables.details["warnings"]


def test_escis_release_is_prepared_from_its_folder(tmp_path, prepare_source):
    tables = prepare_source(esci_release(tmp_path / "esci"))
    assert tables.details["splits"] == {"train": 2, "test": 1}
    assert tables.details["labels"] == {"Exact": 2, "Irrelevant": 1}
    assert {row["locale"] for row in tables.judgements} == {"us", "es"}


LINES = {
    "good": "shoe,Red shoe,E",
    "open": 'shoe,"Red shoe,E',
    "short": "shoe,E",
    "extra": "shoe,Red, shoe,E",
    "blank": "",
}


@given(kinds=st.lists(st.sampled_from(sorted(LINES)), max_size=12), separator=st.sampled_from(",;\t|"))
def test_rows_read_and_quarantined_add_up(tmp_path_factory, kinds, separator):
    path = tmp_path_factory.mktemp("property") / "a.csv"
    lines = ["query,title,label", *(LINES[kind] for kind in ("good", *kinds))]
    path.write_text("\n".join(lines).replace(",", separator))
    collection = collect(open_source(path, {}), PrepareConfig())
    row_count = 1 + sum(kind != "blank" for kind in kinds)
    assert collection.total == row_count == len(collection.judgements) + len(collection.quarantine)
    good_lines = {line for line, kind in enumerate(("good", *kinds), 2) if kind == "good"}
    broken_lines = {row["line"] for row in collection.quarantine if not row["reason"].startswith("duplicate")}
    assert not good_lines & broken_lines


@pytest.mark.skipif(not ESCI, reason="BROADFAST_ESCI names no folder with esci_pairs.parquet")
def test_real_esci_pairs_are_read(prepare_source):
    columns = "item_id=product_id,title=product_title,attributes=color"
    tables = prepare_source(Path(ESCI, "esci_pairs.parquet"), columns)
    assert tables.result.rows_in == 7296
    assert len(tables.judgements) + len(tables.quarantine) == 7296
    assert set(tables.details["labels"]) == set(contracts.LABELS)
    assert tables.details["items"] == len(tables.items)
