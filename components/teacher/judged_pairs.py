"""Judged pairs to ask a labeller about: of a table that a run prepared, or of a file with our names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from components import contracts
from components.contracts import JUDGEMENTS, LABELS
from components.pair_selection import spread_over_queries
from components.tabular import KINDS, TableFile

NEWEST = "runs/state/kfp/retrain-*/prepare-judgements/judgements"
NEEDED = ("query", "title", "label")
SPLIT = "valid"  # of a prepared table: a tuned teacher has not seen it


def read_judged_pairs(path: Path | None, count: int) -> list[dict]:
    """Return at most `count` judged pairs, one of each query in turn.

    Raises:
        ValueError: there is no file, it holds no judged pair, or it lacks a column.
    """
    path = path or find_newest()
    if not path.is_file():
        raise ValueError(f"--judgements {path} is no file: give one with the columns {', '.join(NEEDED)}")
    rows = read_file(path) if path.suffix.lower() in KINDS else read_table(path)
    pairs = spread_over_queries(rows, count)
    if not pairs:
        raise ValueError(f"--judgements {path} holds no judged pair to ask about")
    return pairs


def find_newest() -> Path:
    """Return the judgements of the newest run below this folder.

    Raises:
        ValueError: there is none.
    """
    paths = sorted(Path().glob(NEWEST), key=lambda path: path.stat().st_mtime)
    if not paths:
        raise ValueError(f"there is no {NEWEST} in this folder: give --judgements FILE, or make run first")
    return paths[-1]


def read_table(path: Path) -> list[dict]:
    """Return the valid pairs of a prepared table."""
    try:
        return [row for row in contracts.read_batches(JUDGEMENTS, path) if row["split"] == SPLIT]
    except pa.ArrowInvalid:
        raise ValueError(f"--judgements {path} is no prepared table: name a {', '.join(KINDS)} file") from None


def read_file(path: Path) -> list[dict]:
    """Return the judged pairs of a file.

    Raises:
        ValueError: a column is missing, a row is broken or lacks a text, or a label is none of ours.
    """
    table = TableFile(path)
    if missing := [name for name in NEEDED if name not in table.columns]:
        names = ", ".join(table.columns)
        raise ValueError(f"--judgements {path} lacks {', '.join(missing)}: rename its columns {names}")
    return list(parse_rows(table, path))


def parse_rows(table: TableFile, path: Path) -> Iterator[dict]:
    """Yield JUDGEMENTS rows of a file, named by their texts where they have no ids."""
    for row in table.rows([name for name in JUDGEMENTS.names if name in table.columns]):
        if row.error:
            raise ValueError(f"--judgements {path}, line {row.line}: {row.error}")
        fields = {name: str(value) for name, value in row.values.items() if value not in (None, "")}
        if missing := [name for name in NEEDED if name not in fields]:
            raise ValueError(f"--judgements {path}, line {row.line} has no {', '.join(missing)}")
        if fields["label"] not in LABELS:
            raise ValueError(f"--judgements {path}, line {row.line}: label {fields['label']!r} is none of {LABELS}")
        names = {"query_id": fields["query"], "item_id": json.dumps([fields["title"], fields.get("brand")])}
        yield dict.fromkeys(JUDGEMENTS.names) | names | fields
