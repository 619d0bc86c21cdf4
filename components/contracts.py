"""Every table that passes between rooms: an Arrow schema, checked on write and on read. Parquet on disk (zstd).

Labels are names in every table. `read` is for what fits a laptop's memory many times over; the rest is streamed.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

LABELS = ("Exact", "Substitute", "Complement", "Irrelevant")
QUERY_CLASSES = ("head", "torso", "tail")
MISMATCHES = ("category", "brand", "model", "attribute", "accessory")
CALIBRATION_BINS = 15  # of confidence (Guo et al. 2017), so that package and gate say the same of a model
BATCH_ROWS = 4096

_TIME = pa.timestamp("us", tz="UTC")
_QUERY_ITEM = [("query_id", pa.string()), ("item_id", pa.string()), ("label", pa.string())]

JUDGEMENTS = pa.schema(
    [
        ("query_id", pa.string()),
        ("query", pa.string()),
        ("locale", pa.string()),
        ("query_class", pa.string()),
        ("item_id", pa.string()),
        ("title", pa.string()),
        ("brand", pa.string()),
        ("category", pa.string()),
        ("attributes", pa.string()),
        ("label", pa.string()),
        ("split", pa.string()),
        ("mismatch", pa.string()),
    ]
)
REFUSED = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("row", pa.string())])
ITEMS = pa.schema(
    [
        ("item_id", pa.string()),
        ("title", pa.string()),
        ("brand", pa.string()),
        ("category", pa.string()),
        ("attributes", pa.string()),
        ("price", pa.float32()),
        ("rating", pa.float32()),
        ("time", _TIME),
    ]
)
FEATURES = (
    "price",
    "rating",
    "impressions_7d",
    "clicks_7d",
    "orders_7d",
    "impressions_30d",
    "clicks_30d",
    "orders_30d",
    "query_impressions_30d",
    "query_clicks_30d",
    "query_click_through",
    "query_frequency",
    "query_category_entropy",
    "brand_match",
    "price_ratio",
    "category_match",
)
TRAINING_SET = pa.schema([*JUDGEMENTS, *(pa.field(name, pa.float32()) for name in FEATURES)])
RATIONALES = pa.schema(
    [
        *_QUERY_ITEM,
        ("perspective", pa.string()),
        ("sample", pa.int32()),
        ("text", pa.string()),
        ("predicted_label", pa.string()),
        ("label_probabilities", pa.list_(pa.float32())),
        ("prompt_version", pa.string()),
        ("model_digest", pa.string()),
        ("key", pa.string()),
        ("tokens_in", pa.int32()),
        ("tokens_out", pa.int32()),
        ("finish_reason", pa.string()),
    ]
)
COMPLETIONS = pa.schema(
    [
        ("key", pa.string()),
        ("text", pa.string()),
        ("tokens_in", pa.int32()),
        ("tokens_out", pa.int32()),
        ("finish_reason", pa.string()),
        ("label_probabilities", pa.list_(pa.float32())),
    ]
)
QUARANTINE = pa.schema(
    [
        *_QUERY_ITEM,
        ("perspective", pa.string()),
        ("sample", pa.int32()),
        ("key", pa.string()),
        ("text", pa.string()),
        ("reason", pa.string()),
    ]
)
PREFERENCE_PAIRS = pa.schema(
    [
        *_QUERY_ITEM,
        ("chosen_perspective", pa.string()),
        ("rejected_perspective", pa.string()),
        ("prompt", pa.string()),
        ("chosen", pa.string()),
        ("rejected", pa.string()),
    ]
)
RATIONALE_EMBEDDINGS = pa.schema(
    [
        *_QUERY_ITEM,
        ("perspective", pa.string()),
        ("predicted_label", pa.string()),
        ("label_probabilities", pa.list_(pa.float32())),
        ("text", pa.string()),
        ("key", pa.string()),
        ("model_digest", pa.string()),
        ("embedding", pa.list_(pa.float32())),
    ]
)
PREDICTIONS = pa.schema(
    [
        ("query_id", pa.string()),
        ("item_id", pa.string()),
        ("query_class", pa.string()),
        ("query_kind", pa.string()),
        ("locale", pa.string()),
        ("category", pa.string()),
        ("label", pa.string()),
        ("predicted_label", pa.string()),
        ("probabilities", pa.list_(pa.float32())),
        ("score", pa.float32()),
    ]
)
EXPOSURES = pa.schema(
    [
        ("time", _TIME),
        ("request_id", pa.string()),
        ("experiment_id", pa.string()),
        ("user_hash", pa.binary(16)),
        ("assigned_arm", pa.string()),
        ("version", pa.string()),
        ("query_id", pa.string()),
        ("query", pa.string()),
        ("locale", pa.string()),
        ("query_class", pa.string()),
        ("category", pa.string()),
        ("item_id", pa.string()),
        ("position", pa.int32()),
        ("score", pa.float32()),
        ("stale", pa.bool_()),
    ]
)
OUTCOMES = pa.schema(
    [
        ("time", _TIME),
        ("request_id", pa.string()),
        ("item_id", pa.string()),
        ("kind", pa.string()),
        ("revenue", pa.int64()),
        ("currency", pa.string()),
        ("grade", pa.float32()),
    ]
)
REQUESTS = pa.schema(
    [
        ("time", _TIME),
        ("request_id", pa.string()),
        ("experiment_id", pa.string()),
        ("user_hash", pa.binary(16)),
        ("assigned_arm", pa.string()),
        ("version", pa.string()),
        ("status", pa.int32()),
        ("latency_ms", pa.float32()),
        ("items", pa.int32()),
        ("missing_features", pa.int32()),
    ]
)


def write(rows: list[dict], schema: pa.Schema, path: str | Path) -> int:
    """Write rows as one Parquet file and return their number.

    Raises:
        ValueError: a row lacks a column of the schema, or has one that the schema does not know.
    """
    return write_batches(rows, schema, path)


def write_batches(rows: Iterable[dict], schema: pa.Schema, path: str | Path) -> int:
    """Stream rows to one Parquet file, a batch in memory at a time; the file appears whole or not at all."""
    iterator = iter(rows)
    with writer(schema, path) as put:
        return sum(put(batch) for batch in iter(lambda: list(islice(iterator, BATCH_ROWS)), []))


@contextmanager
def writer(schema: pa.Schema, path: str | Path) -> Iterator[Callable[[list[dict]], int]]:
    """A function that takes rows, a batch at a call, and returns their number; the file appears when the block ends.

    Raises:
        ValueError: a row lacks a column of the schema, or has one that the schema does not know.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished, known = path.with_name(path.name + ".unfinished"), set(schema.names)

    def put(rows: list[dict]) -> int:
        for row in rows:
            if row.keys() != known:
                raise ValueError(f"{path}: a row's columns differ by {sorted(known ^ row.keys())}")
        with _named(unfinished):
            file.write_table(pa.Table.from_pylist(rows, schema=schema))
        return len(rows)

    with _named(unfinished):
        file = pq.ParquetWriter(unfinished, schema, compression="zstd")
    with _named(unfinished), file:
        yield put
    unfinished.replace(path)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file the disk did not take: pyarrow's errors name none."""
    try:
        yield
    except OSError as error:
        if type(error) is not OSError or error.filename or not error.errno:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def read(schema: pa.Schema, path: str | Path) -> list[dict]:
    """Read rows written by `write`, refusing a file that another contract produced."""
    return list(read_batches(schema, path))


def read_batches(schema: pa.Schema, path: str | Path) -> Iterator[dict]:
    """Stream rows, one Arrow batch in memory at a time, with the same check as `read`."""
    with pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(schema):
            raise ValueError(f"{path} holds {file.schema_arrow.names}, expected {schema.names}")
        for batch in file.iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()


def count(path: str | Path) -> int:
    """Number of rows of a Parquet file, from its footer."""
    with pq.ParquetFile(path) as file:
        return file.metadata.num_rows
