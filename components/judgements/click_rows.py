"""Judgements from clicks one by one, as `python -m components.judgements.clicks` writes them."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components import contracts
from components.item_keys import DEFAULT_LOCALE
from components.judgements.clicks import SCHEMA
from components.judgements.unjudged_rows import Row

OPTION = "--click-judgements"
GRADED_SOURCES = ("clicks-position", "clicks-cascade")  # COEC is no grade
MAKE_IT = "make it by python -m components.judgements.clicks"


def open_clicks(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of judgements from clicks.

    Raises:
        ValueError: it is none, by its kind, its columns, or for lack of rows; with the remedy.
    """
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise ValueError(f"{OPTION} {path} does not exist; {MAKE_IT}") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{OPTION} {path.name} cannot be read as Parquet ({reason}); {MAKE_IT}") from None
    check_columns(path, file.schema_arrow)
    if not file.metadata.num_rows:
        raise ValueError(f"{OPTION} {path.name} has no row: lower --minimum, or use more logs")
    return read_rows(file)


def check_columns(path: Path, schema: pa.Schema) -> None:
    """Check that a file has every column, each of its kind.

    Raises:
        ValueError: names the first that is missing or of another kind.
    """
    for field in SCHEMA:
        if field.name not in schema.names:
            raise ValueError(f"{OPTION} {path.name} has no column {field.name!r}; {MAKE_IT}, of this version")
        if schema.field(field.name).type != field.type:
            kind = schema.field(field.name).type
            raise ValueError(f"{OPTION} {path.name}: {field.name} is {kind}, and has to be {field.type}; {MAKE_IT}")


def read_rows(file: pq.ParquetFile) -> Iterator[Row]:
    """Yield the rows, those that cannot be used with the reason."""
    number = 0
    with file:
        for batch in file.iter_batches(contracts.BATCH_ROWS, columns=SCHEMA.names):
            for values in batch.to_pylist():
                number += 1
                problem = find_problem(values)
                fields = values | {"locale": values["locale"] or DEFAULT_LOCALE}
                yield Row(number, fields, problem, values if problem else "")


def find_problem(row: Mapping) -> str:
    """Return why a row cannot be used, or nothing."""
    if not row["query"] or not row["item_id"]:
        return "empty query" if not row["query"] else "empty item_id"
    if row["source"] not in GRADED_SOURCES:
        return f"no grade: source is {row['source']!r}, where {' and '.join(GRADED_SOURCES)} are graded"
    numbers = [row[name] for name in ("low", "grade", "high", "looks")]
    if any(number is None or not math.isfinite(number) for number in numbers):
        return "no number: low, grade, high and looks have to be finite"
    if not 0 <= row["low"] <= row["grade"] <= row["high"] or not row["high"] or row["looks"] <= 0:
        return "no interval: it takes 0 <= low <= grade <= high, and looks above 0"
    if row["impressions"] is None or row["clicks"] is None or row["clicks"] < 0:
        return "no count: impressions and clicks have to be whole numbers from 0"
    return ""
