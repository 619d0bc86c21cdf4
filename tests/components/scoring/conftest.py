"""A package whose scores a person can check, and a function that scores files with it."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.scoring.score import main
from testing.tiny_package import write_package


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory):
    """Write a package in which each word has its label; return its folder."""
    folder = tmp_path_factory.mktemp("tiny") / "package"
    write_package(folder)
    return folder


def write_file(path: Path, rows: list[dict] | str | bytes) -> Path:
    """Write rows, or the text of a file, of the kind that the ending names."""
    if isinstance(rows, (str, bytes)):
        path.write_bytes(rows.encode() if isinstance(rows, str) else rows)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def read_file(path: Path) -> list[dict]:
    """Read rows as other tools would."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.fixture
def score(tiny_package, tmp_path):
    """Return a function that scores rows and returns exit status and rows."""

    def run(rows: list[dict] | str | bytes, name: str = "pairs.csv", out_name: str = "out.jsonl"):
        status = main([str(tiny_package), str(write_file(tmp_path / name, rows)), str(tmp_path / out_name)])
        out = tmp_path / out_name
        return status, read_file(out) if out.exists() else []

    return run
