"""Clicks as a source of the night: every row accounted for, no held-out pair labelled, people's labels first."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components import contracts
from components.judgements.click_labels import label_pairs, weigh_evidence
from components.judgements.click_models import poisson_bounds
from components.judgements.click_source import check_click_source, collect_clicks
from components.judgements.clicks import SCHEMA
from components.sampling import hash_id
from testing.rows import click_row, judgement

RATES = {"Exact": 0.4, "Irrelevant": 0.02}
EXACT, IRRELEVANT = contracts.LABELS.index("Exact"), contracts.LABELS.index("Irrelevant")
JUDGED = [
    judgement(query_id="q1", query="red shoe", item_id=f"i{number}", label=label, split="train")
    for number, label in enumerate(["Exact", "Exact", "Irrelevant", "Irrelevant"])
] + [
    judgement(query_id="q2", query="hose", item_id="i1", split="valid"),
    judgement(query_id="q3", query="lamp", item_id="i1", split="test"),
]


@pytest.fixture
def collect(tmp_path):
    """Return a function that collects clicks, and returns the result with the rows."""
    items = [dict.fromkeys(contracts.ITEMS.names) | {"item_id": f"i{n}", "title": f"Shoe {n}"} for n in range(9)]
    tables, out = (tmp_path / "judgements", tmp_path / "items"), (tmp_path / "clicks", tmp_path / "refused")
    contracts.write(JUDGED, contracts.JUDGEMENTS, tables[0])
    contracts.write(items, contracts.ITEMS, tables[1])

    def run(rows: list[dict] | None):
        source = write_clicks(tmp_path / "from_clicks.parquet", rows) if rows else "off"
        result = collect_clicks(str(source), tables, out)
        rows = contracts.read(contracts.CLICK_LABELS, out[0])
        assert result.rows_out == len(rows)
        return result, {(row["query_id"], row["item_id"]): row for row in rows}

    return run


def write_clicks(path, rows: list[dict]):
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return path


def shown(text: str, grade: float, **fields) -> dict:
    query, item = text.split(" / ")
    return click_row(query=query, item_id=item, grade=grade, **fields)


PEOPLES = [shown(f"red shoe / i{number}", rate) for number, rate in enumerate([0.4, 0.4, 0.02, 0.02])]


def test_clicks_are_labelled_as_judged_ones_are(collect):
    result, rows = collect([*PEOPLES, shown("RED  shoe / i4", 0.4), shown("boot / i5", 0.02)])
    clear, other = rows["q1", "i4"], rows[hash_id("us", "boot"), "i5"]
    assert (clear["label"], clear["judged_label"], clear["split"], clear["title"]) == ("Exact", None, "train", "Shoe 4")
    assert (other["label"], other["judged_label"], other["split"]) == ("Irrelevant", None, None)
    assert 0.9 < clear["weight"] <= clear["confidence"] <= 1 and clear["source"] == "clicks-position"
    assert rows["q1", "i0"]["judged_label"] == "Exact"
    assert (result.details["judged"], result.details["unjudged"]) == (4, 2)


def test_every_clicked_row_is_accounted_for(collect, tmp_path):
    others = ["hose / i1", "hose / i2", "lamp / i1", "lamp / i2", "boot / i77", "boot / i5", " BOOT / i5"]
    rows = [*PEOPLES, *(shown(text, 0.4) for text in others), shown("boot / i5", 0.4, source="clicks-coec")]
    result, labels = collect(rows)
    assert result.details["set_aside_why"] == {
        "unreadable": 1,
        "of test queries": 2,
        "copies": 1,
        "unjudged of valid queries": 1,
        "of unknown items": 1,
    }
    assert (result.rows_in, result.rows_out, result.quarantined) == (12, 6, 6)
    assert {name for name in labels if name[0] in ("q2", "q3")} == {("q2", "i1")}  # what people judged, to compare
    (refused,) = contracts.read(contracts.QUARANTINED_ROWS, tmp_path / "refused")
    assert refused["line"] == 12 and refused["reason"].startswith("no grade: source is 'clicks-coec'")


def test_held_out_pairs_tell_no_click_rate(collect):
    _, rows = collect([shown("hose / i1", 0.4), shown("boot / i5", 0.4)])
    assert [row["label"] for row in rows.values()] == [None, None]  # no judged pair of a train query


def test_without_a_source_there_is_nothing(collect):
    result, rows = collect(None)
    assert (rows, result.headline) == ({}, "none: click_judgements is off")


def test_few_looks_give_no_label():
    judged = np.array([EXACT, IRRELEVANT, -1, -1])
    looks = np.array([1000.0, 1000.0, 200.0, 1.0])
    grade = np.array([0.4, 0.02, 0.4, 0.4])
    labels = label_pairs(grade, poisson_bounds(grade * looks, 0.95)[1] / looks, looks, judged)
    assert labels.label.tolist()[2:] == [EXACT, -1]
    assert labels.rates[EXACT] == pytest.approx(0.4, rel=0.01)


def test_a_common_label_needs_clicks_of_its_own():
    judged = np.array([EXACT] * 9 + [IRRELEVANT, -1])
    looks = np.array([1000.0] * 10 + [0.5])
    grade = np.array([0.4] * 9 + [0.02, 0.4])
    labels = label_pairs(grade, poisson_bounds(grade * looks, 0.95)[1] / looks, looks, judged)
    assert labels.confidence[-1] > 0.7 and labels.weight[-1] < 0.5 and labels.label[-1] == -1


def test_one_label_alone_labels_nothing():
    looks, grade = np.full(2, 1000.0), np.full(2, 0.4)
    assert label_pairs(grade, grade * 1.1, looks, np.array([EXACT, -1])).label.tolist() == [-1, -1]


def test_a_wide_interval_counts_for_fewer_looks():
    grade, looks = np.array([0.4, 0.4]), np.array([1000.0, 1000.0])
    plain = poisson_bounds(grade * looks, 0.95)[1] / looks
    clicks, counted = weigh_evidence(grade, plain * np.exp([0.0, 1.96 * 0.1]), looks)
    assert counted == pytest.approx([1000, 1000 / (1 + 400 * 0.1**2)], rel=1e-3)
    assert clicks / counted == pytest.approx(grade)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"grade": float("nan")}, "no number: low, grade, high and looks have to be finite"),
        ({"low": 0.9}, "no interval: it takes 0 <= low <= grade <= high, and looks above 0"),
        ({"looks": 0.0}, "no interval"),
        ({"clicks": None}, "no count: impressions and clicks have to be whole numbers from 0"),
        ({"query": ""}, "empty query"),
        ({"item_id": None}, "empty item_id"),
        ({"source": "clicks-coec"}, "no grade: source is 'clicks-coec', where clicks-position and clicks-cascade"),
    ],
)
def test_rows_without_use_say_why(tmp_path, change, sentence):
    path = write_clicks(tmp_path / "bad.parquet", [shown("boot / i5", 0.4) | change])
    with pytest.raises(ValueError, match="--click-judgements bad.parquet: none of 1 rows can be used: ") as error:
        check_click_source(path)
    assert sentence in str(error.value)


def test_other_files_are_refused_with_the_remedy(tmp_path):
    (tmp_path / "clicks.csv").write_text("query,item_id\n")
    pq.write_table(pa.table({"query": ["boot"]}), tmp_path / "early.parquet")
    texts = pa.Table.from_pylist([click_row()], schema=SCHEMA).set_column(5, "grade", [["high"]])
    pq.write_table(texts, tmp_path / "texts.parquet")
    write_clicks(tmp_path / "none.parquet", [])
    sentences = {
        "clicks.csv": "cannot be read as Parquet .*make it by python -m components.judgements.clicks",
        "early.parquet": "has no column 'source'; make it by .*, of this version",
        "texts.parquet": "grade is string, and has to be double",
        "none.parquet": "has no row: lower --minimum",
        "away.parquet": "does not exist",
    }
    for name, sentence in sentences.items():
        with pytest.raises(ValueError, match=sentence):
            check_click_source(tmp_path / name)
