"""Pairs that nobody judged: of a file or of what was shown, without held-out queries, and every row accounted for."""

from datetime import UTC, datetime

import pytest

from components import contracts
from components.judgements.unjudged import UnjudgedSource, check_unjudged, collect_unjudged
from components.sampling import hash_id
from testing.rows import judgement
from tests.components.judgements.sources import csv_file, jsonl_file

NOW = datetime(2026, 1, 31, 3, tzinfo=UTC)
JUDGED = [
    judgement(query_id="q1", query="red shoe", item_id="i1", split="train"),
    judgement(query_id="q2", query="blue shoe", item_id="i1", split="valid"),
    judgement(query_id="q3", query="hose", item_id="i1", split="test"),
]


@pytest.fixture
def collect(tmp_path):
    """Return a function that collects from a source and returns the result with the rows."""
    contracts.write(JUDGED, contracts.JUDGEMENTS, tmp_path / "judgements")
    items = [
        dict.fromkeys(contracts.ITEMS.names) | {"item_id": f"i{number}", "title": f"Shoe {number}", "brand": "Acme"}
        for number in range(4)
    ]
    contracts.write(items, contracts.ITEMS, tmp_path / "items")
    out = (tmp_path / "unjudged", tmp_path / "refused")

    def run(pairs: int = 100, **source):
        tables = (tmp_path / "judgements", tmp_path / "items")
        result = collect_unjudged(UnjudgedSource(**source), tables, pairs, out)
        rows = contracts.read(contracts.UNJUDGED, out[0])
        assert result.rows_out == len(rows)
        return result, rows

    return run


def pages(*texts: str) -> list[dict]:
    """Return rows of `query / item`."""
    pairs = [text.split(" / ") for text in texts]
    return [{"query": query, "title": f"Item {item}", "item_id": item} for query, item in pairs]


def test_every_row_is_accounted_for(collect, tmp_path):
    rows = pages("Red  shoe / i2", "red shoe / i2", "red shoe / i1", "blue shoe / i9", "HOSE / i9", "boot / i3")
    file = csv_file(tmp_path / "shown.csv", [*rows, {"query": "", "title": "x", "item_id": "i4"}])
    result, unjudged = collect(address=str(file))
    assert {(row["query_id"], row["item_id"]) for row in unjudged} == {("q1", "i2"), (hash_id("us", "boot"), "i3")}
    assert result.details["set_aside_why"] == {
        "unreadable": 1,
        "of held-out queries": 2,
        "copies": 1,
        "judged": 1,
        "above unjudged_pairs": 0,
    }
    assert (result.rows_in, result.rows_out, result.quarantined) == (7, 2, 5)
    (refused,) = contracts.read(contracts.QUARANTINED_ROWS, tmp_path / "refused")
    assert (refused["line"], refused["reason"]) == (8, "empty query")


def test_a_label_is_not_needed_and_not_read(collect, tmp_path):
    rows = [{"q": "boot", "name": "Boot", "grade": "nonsense", "views": 3}, {"q": "boot", "name": "Boot", "views": 4}]
    file = jsonl_file(tmp_path / "shown.jsonl", rows)
    _, (row,) = collect(address=str(file), columns="query=q,title=name,label=grade,shown=views")
    assert (row["title"], row["source"], row["shown"]) == ("Boot", "file", 7)
    assert row["item_id"] == hash_id("Boot", "")  # as a judgement without an id has it


def test_a_sample_is_drawn_by_hash_alone(collect, tmp_path):
    rows = pages(*(f"boot {number} / i2" for number in range(50)))
    samples = [
        collect(10, address=str(csv_file(tmp_path / f"{name}.csv", part)))[1]
        for name, part in {"a": rows, "b": rows[::-1], "c": rows[10:]}.items()
    ]
    names = [{row["query"] for row in sample} for sample in samples]
    assert names[0] == names[1] and len(names[0]) == 10
    assert names[0] - {f"boot {number}" for number in range(10)} <= names[2]  # others leave it in


def test_without_a_cap_nothing_is_read(collect):
    result, rows = collect(0, address="nowhere.csv")
    assert (rows, result.headline, result.details["absent"]) == ([], "none: unjudged_pairs is 0", "unjudged_pairs is 0")


def exposure(**fields) -> dict:
    row = dict.fromkeys(contracts.EXPOSURES.names) | {"time": NOW, "user_hash": b"0" * 16, "locale": "us"}
    return row | {"request_id": "r1", "query": "boot", "query_class": "tail", "item_id": "i2", "position": 1} | fields


@pytest.mark.slow
def test_what_pages_showed_gets_the_catalogues_texts(s3, collect, tmp_path):
    from components import storage

    shown = [
        exposure(),
        exposure(),  # a copy
        exposure(request_id="r2"),
        exposure(request_id="r3", query="red shoe", item_id="i1"),  # judged
        exposure(request_id="r4", item_id="i7"),  # of no catalogue
        exposure(request_id="r5", query="blue shoe"),  # held out
        exposure(request_id="r6", time=NOW.replace(hour=5), item_id="i3"),  # later
    ]
    contracts.write(shown, contracts.EXPOSURES, tmp_path / "x.parquet")
    name = "unjudged-test/exposures/date=2026-01-31/hour=03/part=00/x.parquet"
    storage.put_bytes(name, (tmp_path / "x.parquet").read_bytes())
    result, (row,) = collect(logs_prefix="unjudged-test", as_of=NOW.replace(hour=4).isoformat())
    assert (row["query"], row["item_id"], row["title"], row["source"], row["shown"]) == (
        "boot",
        "i2",
        "Shoe 2",
        "exposures",
        2,
    )
    reasons = {name: count for name, count in result.details["set_aside_why"].items() if count}
    assert reasons == {"unreadable": 1, "of held-out queries": 1, "judged": 1}
    result, rows = collect(logs_prefix="logs-of-nobody", as_of=NOW.isoformat())
    assert rows == [] and result.headline == "none: no page was shown yet"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"a": "1", "b": "2"}], "has no column query or title: is its first line a header"),
        ([{"query": "boot", "b": "2"}], "has no column 'title' for title"),
        ([{"query": "", "title": "x"}] * 3, "none of 3 rows can be used: each needs a query and a title"),
    ],
)
def test_a_file_in_vain_is_refused_beforehand(rows, sentence, tmp_path, collect):
    file = csv_file(tmp_path / "shown.csv", rows)
    with pytest.raises(ValueError, match=sentence):
        check_unjudged(file, {})
    with pytest.raises(ValueError, match=sentence):
        collect(address=str(file))
