"""Writers of rows: Parquet, CSV or JSON lines, by the file's ending, a batch at a time."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.scoring.pair_rows import is_nan, to_unicode
from components.tabular import TableFile

WriteRows = Callable[[list[dict]], None]


@dataclass(frozen=True)
class Columns:
    """The columns of a file of rows."""

    names: list[str]  # unique
    labels: list[str]  # of a CSV header
    types: list[pa.DataType]


@contextmanager
def open_writer(path: Path, columns: Columns) -> Iterator[WriteRows]:
    """Yield a function that writes rows.

    The file appears when the block ends, whole or not at all.

    Raises:
        ValueError: the file is of another kind.
    """
    writers = {"parquet": write_parquet, "csv": write_csv, "jsonl": write_jsonl}
    write = writers[TableFile(path).kind]
    part = path.with_name(path.name + ".unfinished")
    try:
        with write(part, columns) as write_rows:
            yield write_rows
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def write_jsonl(path: Path, columns: Columns) -> Iterator[WriteRows]:
    """Write rows as JSON lines, each with its own keys."""
    with open(path, "w", encoding="utf-8") as file:
        yield lambda rows: file.writelines(to_json(row) + "\n" for row in rows)


@contextmanager
def write_csv(path: Path, columns: Columns) -> Iterator[WriteRows]:
    """Write rows as CSV, with tabs where the ending says so."""
    is_tab_separated = path.name.lower().endswith((".tsv.unfinished", ".tab.unfinished"))
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if is_tab_separated else ",")
        writer.writerow(columns.labels)

        def write_rows(rows: list[dict]) -> None:
            for row in rows:
                writer.writerow([to_cell(row.get(name)) for name in columns.names])

        yield write_rows


@contextmanager
def write_parquet(path: Path, columns: Columns) -> Iterator[WriteRows]:
    """Write rows as Parquet, with JSON where a text column holds another value."""
    schema = pa.schema(list(zip(columns.names, columns.types, strict=True)))
    text_names = [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def write_rows(rows: list[dict]) -> None:
            cells = [row | text_cells(row, text_names) for row in rows]
            writer.write_table(pa.Table.from_pylist(cells, schema=schema))

        yield write_rows


def text_cells(row: Mapping, names: Sequence[str]) -> dict[str, str | None]:
    """Return a row's values of the named columns as text, None where they are missing."""
    values = {name: row.get(name) for name in names}
    return {name: None if value is None or is_nan(value) else to_cell(value) for name, value in values.items()}


def to_cell(value) -> str:
    """Return a value as the text of one cell, "" for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return to_unicode(value)
    return to_json(value) if isinstance(value, (bool, int, float, list, dict)) else to_json_text(value)


def to_json(value) -> str:
    """Return a value as JSON, in ASCII only if UTF-8 cannot write it."""
    text = json.dumps(value, default=to_json_text, ensure_ascii=False)
    return text if to_unicode(text) == text else json.dumps(value, default=to_json_text)


def to_json_text(value) -> str:
    """Return what JSON has no type for as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
