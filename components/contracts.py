"""Schemas of the tables that pass between rooms, checked on write and on read. Parquet on disk (zstd).

Labels are names in every table. `read` is for what fits a laptop's memory many times over; the rest is streamed.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.cross_features import DEFAULTS

LABELS = ("Exact", "Substitute", "Complement", "Irrelevant")
QUERY_CLASSES = ("head", "torso", "tail")
PAGE_KINDS = ("interleaved", "fallback")  # none: one ranker's; a fallback is stable's list without a draft
TEAMS = ("A", "B", "none")  # which ranker an item of an interleaved page is credited to
MISMATCHES = ("category", "brand", "model", "attribute", "accessory")
GAINS = {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}  # for NDCG, of ESCI's own task
FEATURES = tuple(DEFAULTS)
BATCH_ROWS = 4096

_TEXT = pa.string()
_TIME = pa.timestamp("us", tz="UTC")
_NUMBERS = pa.list_(pa.float32())


def _texts(*names: str) -> list[tuple[str, pa.DataType]]:
    """Return text columns of these names."""
    return [(name, _TEXT) for name in names]


_QUERY_ITEM = _texts("query_id", "item_id", "label")
_PAIR = [
    *_texts("query_id", "query", "locale", "query_class"),
    *_texts("item_id", "title", "brand", "category", "attributes"),
]
_ANSWER = [("tokens_in", pa.int32()), ("tokens_out", pa.int32()), ("finish_reason", _TEXT)]
_REQUEST = [
    ("time", _TIME),
    *_texts("request_id", "experiment_id"),
    ("user_hash", pa.binary(16)),
    *_texts("assigned_arm", "version"),
]

JUDGEMENTS = pa.schema([*_PAIR, *_texts("label", "split", "mismatch")])
UNJUDGED = pa.schema(  # `source` is file, exposures or clicks; `shown` how often a page had it, null where nobody says
    [*_PAIR, ("source", _TEXT), ("shown", pa.int64())]
)
TEACHER_LABELS = pa.schema(  # of unjudged pairs, by a teacher or by clicks
    [
        *_QUERY_ITEM,
        ("confidence", pa.float32()),  # the share of a pair's answers that end in the label; of clicks how likely it is
        ("weight", pa.float32()),  # of the pair in the student's loss, beside 1 of a judged one
        ("answers", pa.int32()),  # of clicks the impressions
        ("teacher", _TEXT),  # digest; of clicks their source
    ]
)
CLICK_LABELS = pa.schema(  # what clicks say of pairs, judged and unjudged ones
    [
        *_PAIR,
        *_texts("source", "split", "judged_label", "label"),  # without a query, a judgement, a clear label: null
        ("confidence", pa.float32()),  # how likely the label is
        ("weight", pa.float32()),  # how much of the doubt before the clicks they took
        *[(name, pa.float64()) for name in ("grade", "low", "high")],
        *[(name, pa.int64()) for name in ("impressions", "clicks")],
    ]
)
QUARANTINED_ROWS = pa.schema([("file", _TEXT), ("line", pa.int64()), ("reason", _TEXT), ("row", _TEXT)])
ITEMS = pa.schema(
    [
        *_texts("item_id", "title", "brand", "category", "attributes"),
        ("price", pa.float32()),
        ("rating", pa.float32()),
        ("time", _TIME),
    ]
)
TRAINING_SET = pa.schema([*JUDGEMENTS, *(pa.field(name, pa.float32()) for name in FEATURES)])
RATIONALES = pa.schema(
    [
        *_QUERY_ITEM,
        ("perspective", _TEXT),
        ("sample", pa.int32()),
        *_texts("text", "predicted_label"),
        ("label_probabilities", _NUMBERS),
        *_texts("prompt_version", "model_digest", "key"),
        *_ANSWER,
    ]
)
COMPLETIONS = pa.schema([*_texts("key", "text"), *_ANSWER, ("label_probabilities", _NUMBERS)])
QUARANTINE = pa.schema([*_QUERY_ITEM, ("perspective", _TEXT), ("sample", pa.int32()), *_texts("key", "text", "reason")])
PREFERENCE_PAIRS = pa.schema(
    [*_QUERY_ITEM, *_texts("chosen_perspective", "rejected_perspective", "prompt", "chosen", "rejected")]
)
RATIONALE_EMBEDDINGS = pa.schema(
    [
        *_QUERY_ITEM,
        *_texts("perspective", "predicted_label"),
        ("label_probabilities", _NUMBERS),
        *_texts("text", "key", "model_digest"),
        ("embedding", _NUMBERS),
    ]
)
PREDICTIONS = pa.schema(
    [
        *_texts("query_id", "item_id", "query_class", "query_kind", "locale", "category"),
        *_texts("label", "predicted_label"),
        ("probabilities", _NUMBERS),
        ("score", pa.float32()),
    ]
)
COMPARED_PAIRS = pa.schema(  # of a night, for people
    [
        *_texts("query_id", "query", "locale", "query_class", "query_kind"),
        *_texts("item_id", "title", "brand", "category", "attributes", "label"),
        *_texts("stable_label", "candidate_label"),
        ("stable_score", pa.float32()),
        ("candidate_score", pa.float32()),
    ]
)
EXPLAINED_PAIRS = pa.schema(  # a rationale a row, for people
    [
        *_texts("query_id", "item_id", "query", "title", "locale", "split", "label"),
        *_texts("perspective", "text", "predicted_label", "model_digest"),
        ("sample", pa.int32()),
    ]
)
_DRAFT = [  # of a page that two rankers share; A is stable, B the candidate
    *_texts("page_kind", "team"),
    ("pair", pa.int32()),
    ("stable_rank", pa.int32()),
    ("candidate_rank", pa.int32()),
    ("stable_score", pa.float32()),
    ("candidate_score", pa.float32()),
    *_texts("stable_version", "candidate_version", "draft_day"),
]
EXPOSURES = pa.schema(
    [
        *_REQUEST,
        *_texts("query_id", "query", "locale", "query_class", "category", "item_id"),
        ("position", pa.int32()),
        ("score", pa.float32()),
        ("stale", pa.bool_()),
        *_DRAFT,
    ]
)
NO_DRAFT = dict.fromkeys(pa.schema(_DRAFT).names)  # a row's columns where one ranker made the page
OUTCOMES = pa.schema(
    [
        ("time", _TIME),
        *_texts("request_id", "item_id", "kind", "order_id"),
        ("revenue", pa.int64()),
        ("currency", _TEXT),
        ("grade", pa.float32()),
    ]
)
REQUESTS = pa.schema(
    [
        *_REQUEST,
        ("status", pa.int32()),
        ("latency_ms", pa.float32()),
        ("items", pa.int32()),
        ("missing_features", pa.int32()),
    ]
)


def write(rows: list[dict], schema: pa.Schema, path: str | Path) -> int:
    """Write rows as one Parquet file and return their number."""
    return write_batches(rows, schema, path)


def write_batches(rows: Iterable[dict], schema: pa.Schema, path: str | Path) -> int:
    """Stream rows to one Parquet file, which appears whole or not at all."""
    iterator = iter(rows)
    with open_writer(schema, path) as write_batch:
        return sum(write_batch(batch) for batch in iter(lambda: list(islice(iterator, BATCH_ROWS)), []))


@contextmanager
def open_writer(schema: pa.Schema, path: str | Path) -> Iterator[Callable[[list[dict]], int]]:
    """Yield a function that writes a batch of rows and returns their number.

    The file appears when the block ends.

    Raises:
        ValueError: a row lacks a column of the schema, or has one that the schema does not know.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name(path.name + ".unfinished")

    def write_batch(rows: list[dict]) -> int:
        check_columns(rows, schema, path)
        with _name_in_errors(partial_path):
            file.write_table(pa.Table.from_pylist(rows, schema=schema))
        return len(rows)

    with _name_in_errors(partial_path):
        file = pq.ParquetWriter(partial_path, schema, compression="zstd")
    with _name_in_errors(partial_path), file:
        yield write_batch
    partial_path.replace(path)


def check_columns(rows: list[dict], schema: pa.Schema, path: Path) -> None:
    """Refuse rows whose columns are not those of the schema.

    Raises:
        ValueError: names the columns that a row lacks or has too many.
    """
    columns = set(schema.names)
    for row in rows:
        if row.keys() != columns:
            raise ValueError(f"{path}: a row's columns differ by {sorted(columns ^ row.keys())}")


@contextmanager
def _name_in_errors(path: Path) -> Iterator[None]:
    """Add the file's name to an OSError: pyarrow's errors name none."""
    try:
        yield
    except OSError as error:
        if type(error) is not OSError or error.filename or not error.errno:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def read(schema: pa.Schema, path: str | Path) -> list[dict]:
    """Read rows written by `write`, refusing a file that another contract produced."""
    return list(read_batches(schema, path))


def read_batches(schema: pa.Schema, path: str | Path, earlier: pa.Schema | None = None) -> Iterator[dict]:
    """Stream rows with one Arrow batch in memory at a time, checked as by `read`.

    A file of the `earlier` version of the contract is read, too, where one is named.
    """
    with pq.ParquetFile(path) as file:
        if not any(file.schema_arrow.equals(version) for version in (schema, earlier) if version is not None):
            raise ValueError(f"{path} holds {file.schema_arrow.names}, expected {schema.names}")
        for batch in file.iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()


def holds(schema: pa.Schema, path: str | Path) -> bool:
    """Return True for a file of this contract."""
    return pq.read_schema(path).equals(schema)


def count(path: str | Path) -> int:
    """Return the number of rows of a Parquet file, from its footer."""
    with pq.ParquetFile(path) as file:
        return file.metadata.num_rows
