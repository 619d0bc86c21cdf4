"""The files of a spool: a line is one call of `record`, whole or not there; a sealed file becomes Parquet on S3."""

import io
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from components import logs
from serving.spool_metrics import REFUSED, log

NOT_OURS = (KeyError, TypeError, ValueError, AttributeError)  # what rows of other contracts, or no rows, trip over


def tables(path: Path) -> dict[str, list[dict]]:
    """The rows of a spool file, by table, as their contracts have them.

    Raises:
        ValueError: they are no rows; an unfinished last line is left out, for its request was never answered.
    """
    found = defaultdict(list)
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            log.warning("%s ends in an unfinished line of %d bytes: left out", path, len(line))
            continue
        try:
            for table, rows in orjson.loads(line).items():
                found[table] += [_typed(row) for row in rows]
        except NOT_OURS as error:
            raise ValueError(f"a line is no row of this version's contracts: {error}") from error
    return found


def parquet(path: Path, found: dict[str, list[dict]]) -> dict[str, bytes]:
    """The same rows as objects by name, one a table, hour and part; named for the file, so that twice is once.

    Raises:
        ValueError: a row is not of this version's contracts.
    """
    try:
        return {
            logs.object_name(table, hour, part, path.stem): _content(rows, logs.SCHEMAS[table])
            for (table, hour, part), rows in _places(found).items()
        }
    except NOT_OURS as error:
        raise ValueError(f"a row is not of this version's contracts: {error}") from error


def set_aside(path: Path, error: ValueError) -> None:
    """Keep a file that cannot be read out of the way of the others, under another name."""
    log.error("%s is set aside as .refused: %s", path, error)
    path.rename(path.with_suffix(".refused"))
    REFUSED.inc()


def _content(rows: list[dict], schema: pa.Schema) -> bytes:
    """A Parquet file, made in memory: a full disk must not keep its own rows from leaving it."""
    for row in rows:
        if row.keys() != set(schema.names):
            raise ValueError(f"its columns differ by {sorted(set(schema.names) ^ row.keys())}")
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def _typed(row: dict) -> dict:
    known = {"time": datetime.fromisoformat(row["time"])}
    if row.get("user_hash") is not None:
        known["user_hash"] = bytes.fromhex(row["user_hash"])
    return row | known


def _places(found: dict[str, list[dict]]) -> dict[tuple[str, datetime, int], list[dict]]:
    groups = defaultdict(list)
    for table, rows in found.items():
        for row in rows:
            hour = row["time"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            groups[table, hour, logs.part(row["request_id"])].append(row)
    return groups
