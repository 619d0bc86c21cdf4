"""One reader for files of rows: CSV with any usual separator, TSV, JSON lines and Parquet.

A row that is broken is returned with its line and the reason, and the rest is read. Every row of the file comes back
once, in order, so rows read + rows broken = rows in the file. Blank lines are no rows.
"""

import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from components.csv_records import BROKEN_BYTES, Header, Lines, TableRow, has_broken_bytes, parse_records, read_header
from components.text_encoding import TextEncoding, detect_encoding

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
BATCH_ROWS = 4096


@dataclass(frozen=True)
class TableFile:
    """A file of rows, which `rows()` streams. JSON lines have the union of all keys.

    Raises:
        ValueError: the file is of another kind, is no Parquet file, or its header cannot be read.
    """

    path: Path
    content: bytes | None = None  # of a file that is not on this machine's disk
    keeps_duplicates: bool = (
        False  # a CSV column that occurs again is read as `NAME (2)`, and not in place of the first
    )

    @cached_property
    def kind(self) -> str:
        """Return csv, jsonl or parquet, by the ending in any case."""
        kind = KINDS.get(self.path.suffix.lower())
        if kind is None:
            raise ValueError(f"{self.path.name}: give a {', '.join(KINDS)} file")
        return kind

    @cached_property
    def encoding(self) -> TextEncoding:
        """Return how the file's text is encoded."""
        if self.kind == "parquet":
            return TextEncoding("")
        with self._open_bytes() as file:
            return detect_encoding(file)

    @cached_property
    def notes(self) -> list[str]:
        """Return sentences about how the file is read, for a person."""
        notes = [self.encoding.note] if self.encoding.note else []
        notes += [f"the column {name!r} occurs twice" for name in self.duplicate_columns]
        return [f"{self.path.name}: {note}" for note in notes]

    @cached_property
    def columns(self) -> list[str]:
        """Return the names of the columns, each once."""
        if self.kind == "parquet":
            with self._open_parquet() as file:
                return file.schema_arrow.names
        if self.kind == "jsonl":
            return list(dict.fromkeys(name for row in self.rows() for name in row.values))
        return list(dict.fromkeys(self._header.names))

    @property
    def header_names(self) -> list[str]:
        """Return the names of the columns as the file has them."""
        return self._file_header.names if self.kind == "csv" else self.columns

    @property
    def duplicate_columns(self) -> list[str]:
        """Return the names that a CSV's header has more than once."""
        if self.kind != "csv":
            return []
        names = self._file_header.names
        return sorted({name for name in names if names.count(name) > 1})

    @property
    def separator(self) -> str:
        """Return what parts the fields of a CSV file."""
        return self._header.separator

    def rows(self, columns: Collection[str] | None = None) -> Iterator[TableRow]:
        """Stream all rows, broken ones among them, of Parquet some columns only if given."""
        if self.kind == "parquet":
            return self._parquet_rows(columns)
        return self._csv_rows() if self.kind == "csv" else self._jsonl_rows()

    @property
    def _header(self) -> Header:
        header = self._file_header
        return replace(header, names=number_duplicates(header.names)) if self.keeps_duplicates else header

    @cached_property
    def _file_header(self) -> Header:
        try:
            with self._open_text() as file:
                return read_header(Lines(file), prefers_tab=self.path.suffix.lower() in (".tsv", ".tab"))
        except ValueError as error:
            raise ValueError(f"{self.path.name}, {error}") from error

    def _csv_rows(self) -> Iterator[TableRow]:
        header = self._header
        with self._open_text() as file:
            lines = Lines(file)
            lines.skip(header.lines)
            yield from parse_records(lines, header)

    def _jsonl_rows(self) -> Iterator[TableRow]:
        with self._open_text() as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parse_json(number, line.rstrip("\r\n"))

    def _parquet_rows(self, columns: Collection[str] | None) -> Iterator[TableRow]:
        number = 0
        with self._open_parquet() as file:
            names = [name for name in file.schema_arrow.names if columns is None or name in columns]
            try:
                for batch in file.iter_batches(BATCH_ROWS, columns=names):
                    for values in batch.to_pylist():
                        number += 1
                        yield TableRow(number, values)
            except (pa.ArrowInvalid, OSError) as error:
                raise ValueError(f"{self.path.name} is broken after row {number}: {error}") from error

    def _open_bytes(self):
        return open(self.path, "rb") if self.content is None else io.BytesIO(self.content)

    def _open_text(self) -> TextIO:
        errors = "surrogateescape" if self.encoding.name.startswith("utf-8") else "replace"
        return io.TextIOWrapper(self._open_bytes(), self.encoding.name, errors=errors, newline="")

    def _open_parquet(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path if self.content is None else io.BytesIO(self.content))
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path.name} is broken, or no Parquet file: {error}") from error


def number_duplicates(names: list[str]) -> list[str]:
    """Return names that are unique: what occurs again gets its number, as in `brand (2)`."""
    unique_names: list[str] = []
    for name in names:
        number = 1
        unique_name = name
        while unique_name in unique_names:
            number += 1
            unique_name = f"{name} ({number})"
        unique_names.append(unique_name)
    return unique_names


def _parse_json(number: int, line: str) -> TableRow:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        return TableRow(number, error=f"not JSON: {error.msg}", text=line)
    except ValueError as error:  # a number of thousands of digits
        return TableRow(number, error=f"not JSON: {error}", text=line)
    except RecursionError:
        return TableRow(number, error="not JSON: nested too deep", text=line)
    if not isinstance(values, dict):
        return TableRow(number, error="not a JSON object", text=line)
    if has_broken_bytes(line):
        return TableRow(number, error=BROKEN_BYTES, text=line)
    return TableRow(number, values)
