"""Our own rows: CSV, TSV, JSON lines and Parquet with a column for each field, judgements and predictions alike."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.csv_records import TableRow
from components.tabular import KINDS, TableFile

TEXTS = ("query_id", "query", "locale", "query_class", "item_id", "title", "brand", "category", "attributes")
FIELDS = (*TEXTS, "label", "split", "mismatch", "rater", "price", "rating", "position", "score")


def read_table(path: Path, columns: Mapping[str, str]) -> Iterator[TableRow]:
    """Yield a file's rows by our names, in whatever capitals the file has them.

    `columns` is our name -> the file's.

    Raises:
        ValueError: a column that was named is missing, or neither query nor item can be told.
    """
    table = TableFile(path)
    present = {name.lower(): name for name in reversed(table.columns)}
    names = {ours: present[ours] for ours in FIELDS if ours in present} | dict(columns)
    for ours, theirs in columns.items():
        if theirs not in table.columns:
            have = ", ".join(table.columns)
            raise ValueError(f"{path.name} has no column {theirs!r} for {ours}; it has {have}: check the spelling")
    for choices in (("query", "query_id"), ("item_id", "title")):
        if not set(choices) & names.keys():
            have = ", ".join(table.columns) or "none"
            remedy = f"name it with --columns {choices[0]}=ITS_NAME"
            raise ValueError(f"{path.name} has no column {' or '.join(choices)}; it has {have}: {remedy}")
    for row in table.rows(list(names.values())):
        if row.error:
            yield row
        else:
            yield TableRow(row.line, {ours: row.values.get(theirs) for ours, theirs in names.items()})


def write_table(rows: Sequence[Mapping], path: Path, kind: str) -> int:
    """Write rows with the columns of which one has a value, and return their number.

    Raises:
        ValueError: the kind of file is none of ours.
    """
    names = {name for row in rows for name, value in row.items() if value is not None}
    columns = [name for name in FIELDS if name in names]
    texts = [select(row, columns) for row in rows]
    if kind == "parquet":
        schema = pa.schema([(name, pa.string()) for name in columns])
        pq.write_table(pa.Table.from_pylist(texts, schema=schema), path, compression="zstd")
    elif kind == "jsonl":
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in texts]
        path.write_text("".join(lines), encoding="utf-8")
    else:
        _write_csv(texts, columns, path, "\t" if kind == "tsv" else ",")
    return len(rows)


def select(row: Mapping, columns: Sequence[str]) -> dict:
    """Return some columns of a row."""
    return {name: row.get(name) for name in columns}


def _write_csv(rows: Sequence[Mapping], columns: Sequence[str], path: Path, separator: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=separator, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def choose_kind(path: Path) -> str:
    """Return the kind of file that an ending asks for.

    Raises:
        ValueError: the ending is none of ours.
    """
    ending = path.suffix.lower()
    if ending not in KINDS:
        raise ValueError(f"{path.name}: rows are written as {', '.join(KINDS)}; give OUT such an ending")
    return "tsv" if ending in (".tsv", ".tab") else KINDS[ending]
