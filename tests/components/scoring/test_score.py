"""The command that scores a file of pairs."""

import csv
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.scoring.pairs_file import read_pairs
from components.scoring.score import main
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text

ROWS = [{"query": "red", "title": "red hose", "brand": "Acme"}, {"query": "hose", "title": "socks", "brand": ""}]


def pairs_file(folder, suffix: str, rows=ROWS):
    """Write the rows as a file of one of the kinds that are read."""
    path = folder / f"pairs{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("out_suffix", [".csv", ".jsonl", ".parquet"])
def test_a_file_is_scored_row_by_row(tiny_package, tmp_path, capsys, suffix, out_suffix):
    out = tmp_path / f"out{out_suffix}"
    assert main([str(tiny_package), str(pairs_file(tmp_path, suffix)), str(out)]) == 0
    assert capsys.readouterr().out == "2 pairs scored\n"
    rows = [row for batch in read_pairs(out) for row in batch]
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    expected = Scorer(tiny_package)([(row["query"], item_text(row)) for row in ROWS]).scores
    assert [float(row["score"]) for row in rows] == pytest.approx(expected.tolist())


def test_a_file_without_a_pair_is_refused(tiny_package, tmp_path, capsys):
    (tmp_path / "none.jsonl").write_text("")
    assert main([str(tiny_package), str(tmp_path / "none.jsonl"), str(tmp_path / "out.parquet")]) == 1
    assert "there is no pair to score" in capsys.readouterr().err and not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(("line", "why"), [("{", "row 1: is not JSON"), ("[1]", "row 1: is not a JSON object")])
def test_a_line_that_is_no_row_is_refused(tiny_package, tmp_path, capsys, line, why):
    (tmp_path / "pairs.jsonl").write_text(line + "\n")
    assert main([str(tiny_package), str(tmp_path / "pairs.jsonl"), str(tmp_path / "out.csv")]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_row_without_a_title_is_refused(tiny_package, tmp_path, capsys, suffix):
    pairs = pairs_file(tmp_path, suffix, [ROWS[0], ROWS[1] | {"title": ""}])
    assert main([str(tiny_package), str(pairs), str(tmp_path / "out.jsonl")]) == 1
    assert f"pairs{suffix}, row 2: needs a query and a title" in capsys.readouterr().err


def test_another_kind_of_file_is_refused(tiny_package, tmp_path, capsys):
    assert main([str(tiny_package), str(tmp_path / "pairs.xlsx"), str(tmp_path / "out.jsonl")]) == 1
    assert "pairs.xlsx is neither .parquet, nor .csv, nor .jsonl" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_runs_as_a_module(cross_encoder_package, tmp_path):
    command = [sys.executable, "-m", "components.scoring.score", str(cross_encoder_package[0])]
    command += [str(pairs_file(tmp_path, ".csv")), str(tmp_path / "out.jsonl")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2 pairs scored\n"
