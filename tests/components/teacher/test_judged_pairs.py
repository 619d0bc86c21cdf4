"""Judged pairs to ask a labeller about: a run's table, or a file of a shop's own."""

import os

import pytest

from components import contracts
from components.teacher.judged_pairs import read_judged_pairs
from testing.rows import judgement


def test_the_newest_run_is_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="give --judgements FILE, or make run first"):
        read_judged_pairs(None, 5)
    for age, name in enumerate(("new", "old")):
        path = tmp_path / "runs" / "state" / "kfp" / f"retrain-{name}" / "prepare-judgements" / "judgements"
        contracts.write([judgement(query=name, split="valid")], contracts.JUDGEMENTS, path)
        os.utime(path, (1e9 - age, 1e9 - age))
    assert [row["query"] for row in read_judged_pairs(None, 5)] == ["new"]


def test_pairs_without_ids_are_named_by_their_texts(tmp_path):
    (tmp_path / "pairs.jsonl").write_text(
        '{"query": "a", "title": "x", "label": "Exact"}\n{"query": "a", "title": "y", "label": "Exact", "item_id": 7}\n'
    )
    pairs = {(row["query_id"], row["item_id"]) for row in read_judged_pairs(tmp_path / "pairs.jsonl", 5)}
    assert pairs == {("a", '["x", null]'), ("a", "7")}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("q,title,label\na,x,Exact\n", "lacks query: rename its columns q, title, label"),
        ("query,title,label\na,x,4\n", "line 2: label '4' is none of"),
        ("query,title,label\na,,Exact\n", "line 2 has no title"),
        ("query,title,label\n", "holds no judged pair to ask about"),
    ],
)
def test_a_wrong_file_is_refused_by_line(text, sentence, tmp_path):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_judged_pairs(tmp_path / "pairs.csv", 5)


def test_a_file_of_no_known_kind_is_refused(tmp_path):
    (tmp_path / "pairs").write_text("query,title,label\n")
    with pytest.raises(ValueError, match=r"is no prepared table: name a \.csv"):
        read_judged_pairs(tmp_path / "pairs", 5)
