"""A first pass over a file of pairs: its columns, their types, and the number of rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from components.scoring.pair_rows import OPTIONAL, REQUIRED
from components.scoring.row_writers import Columns
from components.tabular import TableFile

INT64 = range(-(2**63), 2**63)  # what Parquet's whole numbers hold


@dataclass(frozen=True)
class Survey:
    """The columns of a file, and how many rows it has."""

    names: list[str]  # unique
    labels: list[str]  # as the file's header has them
    types: list[pa.DataType]
    rows: int
    separator: str = ""  # of a CSV file

    def with_columns(self, types: Mapping[str, pa.DataType]) -> Columns:
        """Return the file's columns with further ones behind them."""
        return Columns([*self.names, *types], [*self.labels, *types], [*self.types, *types.values()])


def survey_table(table: TableFile) -> Survey:
    """Read a file's columns and count its rows.

    Raises:
        ValueError: it has no row, lacks a column that scoring needs, or has one twice.
    """
    surveys = {"csv": survey_csv, "jsonl": survey_jsonl, "parquet": survey_parquet}
    survey = surveys[table.kind](table)
    name = table.path.name
    if not survey.rows:
        raise ValueError(f"{name}: there is no pair to score")
    if duplicates := sorted(label for label in {*REQUIRED, *OPTIONAL} if survey.labels.count(label) > 1):
        raise ValueError(f"{name} has the column {duplicates[0]!r} twice: rename one of them")
    missing_names = [column for column in REQUIRED if column not in survey.names]
    if missing_names and survey.names:
        wanted_names = " and ".join(map(repr, missing_names))
        raise ValueError(f"{name} has no column {wanted_names}: it has {', '.join(survey.labels)}; rename its columns")
    return survey


def survey_csv(table: TableFile) -> Survey:
    """Survey a CSV file, whose columns are all text."""
    rows = sum(1 for _ in table.rows())
    types = [pa.string()] * len(table.columns)
    return Survey(table.columns, table.header_names, types, rows, table.separator)


def survey_parquet(table: TableFile) -> Survey:
    """Survey a Parquet file, whose columns keep their types."""
    names = table.columns
    if len(set(names)) < len(names):
        duplicate = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{table.path.name} has the column {duplicate!r} twice: rename one of them")
    with pq.ParquetFile(table.path) as file:
        return Survey(names, names, list(file.schema_arrow.types), file.metadata.num_rows)


def survey_jsonl(table: TableFile) -> Survey:
    """Survey JSON lines, whose columns are the union of their keys."""
    kinds: dict[str, set[str]] = {}
    rows = 0
    for row in table.rows():
        rows += 1
        for name, value in row.values.items():
            kinds.setdefault(name, set()).add(value_kind(value))
    names = list(kinds)
    return Survey(names, names, [arrow_type(kinds[name]) for name in names], rows)


def value_kind(value) -> str:
    """Name the kind of a JSON value."""
    if isinstance(value, int) and not isinstance(value, bool) and value not in INT64:
        return "big number"
    return type(value).__name__


def arrow_type(kinds: set[str]) -> pa.DataType:
    """Return the Arrow type for values of these kinds, text where they differ."""
    kinds = kinds - {"NoneType"}
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds == {"int"}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {"int", "float"} else pa.string()
