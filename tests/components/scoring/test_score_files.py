"""The kinds of files that the command reads and writes."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.scoring.score import main, score_file
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text
from tests.components.scoring.conftest import write_file

ROWS = [{"query": "red", "title": "red hose", "brand": "Acme"}, {"query": "hose", "title": "socks", "brand": ""}]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("out_suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_file_is_scored_row_by_row(score, tiny_package, capsys, suffix, out_suffix):
    status, rows = score(ROWS, f"pairs{suffix}", f"out{out_suffix}")
    assert status == 0 and capsys.readouterr().out == "2 pairs scored\n"
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    expected = Scorer(tiny_package)([(row["query"], item_text(row)) for row in ROWS]).scores
    assert [float(row["score"]) for row in rows] == pytest.approx(expected.tolist())
    assert not any(row["error"] for row in rows)


@pytest.mark.parametrize(
    "text",
    ["query;title\nshoe;red, hose\n", "sep=;\nquery;title\nshoe;red, hose\n", "\ufeffquery;title\r\nshoe;red, hose\r\n",
     "query\ttitle\nshoe\tred, hose\n", 'query,title\nshoe,"red, hose"\n'],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_usual_csv_dialects_are_read(score, text, encoding):
    status, rows = score(text.encode(encoding))
    assert status == 0 and [(row["query"], row["title"]) for row in rows] == [("shoe", "red, hose")]


def test_repeated_columns_all_come_back(score, tmp_path):
    score("query,title,id,id\nshoe,red,1,2\n", out_name="out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[0].startswith("query,title,id,id,predicted_label")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("shoe,red,1,2,Exact")


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [("", "p.jsonl", "p.jsonl: there is no pair to score"), ("query,title\n", "p.csv", "there is no pair to score"),
     ("text,name\na,b\n", "p.csv", "p.csv has no column 'query' and 'title': it has text, name"),
     ('{"query": "a"}\n', "p.jsonl", "p.jsonl has no column 'title': it has query"),
     ("query,title,title\na,b,c\n", "p.csv", "p.csv has the column 'title' twice: rename one of them"),
     ("PK", "p.xlsx", "p.xlsx: give a .csv, .tsv"), ("no parquet", "p.parquet", "p.parquet is broken")],
)  # fmt: skip
def test_an_unusable_file_is_refused_in_a_sentence(score, capsys, text, name, sentence):
    status, rows = score(text, name)
    assert status == 1 and rows == []
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


def test_an_unusable_output_is_refused(score, capsys):
    assert score(ROWS, out_name="out.xlsx")[0] == 1
    assert "out.xlsx: give a .csv" in capsys.readouterr().err


def test_progress_is_printed_for_people(score, capsys):
    assert score(ROWS)[0] == 0
    assert capsys.readouterr().err == "2 of 2 pairs\n"


def test_a_missing_input_is_refused(tiny_package, tmp_path, capsys):
    pairs = tmp_path / "none.csv"
    assert main([str(tiny_package), str(pairs), str(tmp_path / "out.csv")]) == 1
    assert capsys.readouterr().err == f"PAIRS is {pairs}, which does not exist: check the path\n"


def test_a_missing_output_folder_is_refused(score, tmp_path, capsys):
    assert score(ROWS, out_name="none/out.csv")[0] == 1
    out = tmp_path / "none" / "out.csv"
    sentence = f"OUT is {out}, but the folder {out.parent} does not exist: create it, or give another path\n"
    assert capsys.readouterr().err == sentence


def test_a_folder_as_output_is_refused(tmp_path, capsys):
    (tmp_path / "out.csv").mkdir()
    assert main([str(tmp_path), str(write_file(tmp_path / "pairs.csv", ROWS)), str(tmp_path / "out.csv")]) == 1
    sentence = f"OUT is {tmp_path / 'out.csv'}, which is a folder: give the name of a file\n"
    assert capsys.readouterr().err == sentence


def test_the_input_is_never_overwritten(tiny_package, tmp_path, capsys):
    pairs = write_file(tmp_path / "pairs.csv", ROWS)
    before = pairs.read_bytes()
    assert main([str(tiny_package), str(pairs), str(pairs)]) == 1
    assert pairs.read_bytes() == before
    sentence = f"OUT is {pairs}, which is PAIRS itself: give another name, so that your file is kept\n"
    assert capsys.readouterr().err == sentence


def test_mixed_json_types_fit_into_parquet(score):
    values = [1, "two", None, [3], 2.5, True, 10**30, float("nan")]
    rows = [{"query": "shoe", "title": "red", "id": value} for value in values]
    _, rows = score(rows, "pairs.jsonl", "out.parquet")
    assert [row["id"] for row in rows] == ["1", "two", None, "[3]", "2.5", "true", str(10**30), None]


def test_parquet_columns_keep_their_types(tiny_package, tmp_path):
    columns = {
        "query": pa.array([b"shoe"], pa.binary()),
        "title": pa.array(["red"]).dictionary_encode(),
        "id": pa.array([2**53 + 1], pa.uint64()),
        "time": pa.array([1_700_000_000_000_000_123], pa.timestamp("ns", "UTC")),
        "price": pa.array([None], pa.null()),
        "tags": pa.array([[{"a": 1}]]),
    }
    pq.write_table(pa.table(columns), tmp_path / "pairs.parquet")
    assert score_file(tiny_package, tmp_path / "pairs.parquet", tmp_path / "out.parquet").scored_rows == 1
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.select(list(columns)).equals(pq.read_table(tmp_path / "pairs.parquet"))
    assert table["predicted_label"].to_pylist() == ["Exact"]


@pytest.mark.slow
def test_the_command_runs_as_a_module(cross_encoder_package, tmp_path):
    command = [sys.executable, "-m", "components.scoring.score", str(cross_encoder_package[0])]
    command += [str(write_file(tmp_path / "pairs.csv", ROWS)), str(tmp_path / "out.jsonl")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2 pairs scored\n"
