"""Files of query-item pairs, read and written in batches: Parquet, CSV or JSON lines, by their ending."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components import contracts
from components.step_result import Progress

BATCH = 512
KINDS = (".parquet", ".csv", ".jsonl")


def read_pairs(path: Path) -> Iterator[list[dict]]:
    """Rows of a file, a batch at a time; each has a query and a title.

    Raises:
        ValueError: a file of another kind, one that is not what its ending says, or a row that lacks either.
    """
    readers = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}
    numbered, progress = enumerate(readers[_kind(path)](path), 1), Progress(_rows(path), "pairs")
    while batch := list(islice(numbered, BATCH)):
        for number, row in batch:
            if not all(isinstance(row.get(name), str) and row[name] for name in ("query", "title")):
                raise ValueError(f"{path}, row {number}: needs a query and a title, has {sorted(map(str, row))}")
        yield [row for _, row in batch]
        progress.advance(len(batch))


def write_scored(batches: Iterable[list[dict]], path: Path) -> int:
    """Write rows batch by batch; the file appears whole or not at all. Returns their number.

    Raises:
        ValueError: a file of another kind, no row at all, or a row with columns that the first has not.
    """
    unfinished, count = path.with_name(path.name + ".unfinished"), 0
    with {".parquet": _to_parquet, ".csv": _to_csv, ".jsonl": _to_jsonl}[_kind(path)](unfinished) as put:
        for rows in batches:
            put(rows)
            count += len(rows)
    if not count:
        unfinished.unlink(missing_ok=True)
        raise ValueError(f"there is no pair to score: {path} is not written")
    unfinished.replace(path)
    return count


def _kind(path: Path) -> str:
    if path.suffix not in KINDS:
        raise ValueError(f"{path} is neither {', nor '.join(KINDS)}")
    return path.suffix


def _rows(path: Path) -> int:
    """How many rows a file has, of a text file about."""
    if path.suffix == ".parquet":
        return contracts.count(path)
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def _parquet(path: Path) -> Iterator[dict]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            yield from batch.to_pylist()


def _csv(path: Path) -> Iterator[dict]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _jsonl(path: Path) -> Iterator[dict]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, row {number}: is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}, row {number}: is not a JSON object")
            yield row


@contextmanager
def _to_jsonl(path: Path) -> Iterator:
    with open(path, "w", encoding="utf-8") as file:
        yield lambda rows: file.writelines(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)


@contextmanager
def _to_csv(path: Path) -> Iterator:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = None

        def put(rows: list[dict]) -> None:
            nonlocal writer
            if writer is None:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
            writer.writerows(row | {"probabilities": json.dumps(row["probabilities"])} for row in rows)

        yield put


@contextmanager
def _to_parquet(path: Path) -> Iterator:
    writer = None

    def put(rows: list[dict]) -> None:
        nonlocal writer
        if writer is None:
            found = pa.Table.from_pylist(rows).schema  # what is nowhere known in the first batch is taken for text
            kinds = [(field.name, pa.string() if pa.types.is_null(field.type) else field.type) for field in found]
            writer = pq.ParquetWriter(path, pa.schema(kinds), compression="zstd")
        for row in rows:
            if other := row.keys() - set(writer.schema.names):
                raise ValueError(f"a row has {sorted(other)}, which the first has not: write to a .jsonl file")
        writer.write_table(pa.Table.from_pylist(rows, schema=writer.schema))

    try:
        yield put
    finally:
        if writer is not None:
            writer.close()
