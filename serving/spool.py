"""The files of a spool: a line is one call of `record`, whole or not there; a sealed file becomes Parquet on S3.

Lines that are no rows of this version's contracts are set aside in a file of their own, and hold up no others.
"""

import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from components import event_logs
from serving.spool_metrics import REFUSED, log

NOT_OURS = (KeyError, TypeError, ValueError, AttributeError)  # what rows of other contracts, or no rows, trip over


@dataclass
class Sealed:
    """What a sealed file holds."""

    path: Path
    tables: dict[str, list[dict]]
    refused: list[bytes] = field(default_factory=list)  # lines

    @property
    def rows(self) -> int:
        """Rows that can be uploaded."""
        return sum(map(len, self.tables.values()))

    def objects(self) -> dict[str, bytes]:
        """Parquet by name, one object a table, hour and part; named for the file, so that twice is once."""
        return {
            event_logs.object_name(table, hour, part, self.path.stem): _content(rows, table)
            for (table, hour, part), rows in _places(self.tables).items()
        }

    def set_aside(self) -> None:
        """Keep the lines that are not rows of ours beside the spool, for a person to look at."""
        if self.refused:
            aside = self.path.with_suffix(".refused")
            aside.write_bytes(b"".join(self.refused))
            log.error("%d lines are no rows of this version's contracts: kept in %s", len(self.refused), aside)
            REFUSED.inc(len(self.refused))


def sealed(path: Path) -> Sealed:
    """Read a file; an unfinished last line is left out, for its request was never answered."""
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        log.warning("%s ends in an unfinished line of %d bytes: left out", path, len(lines.pop()))
    try:
        return Sealed(path, _rows(lines))
    except NOT_OURS:  # find out which
        good, refused = [], []
        for line in lines:
            (good if _ours(line) else refused).append(line)
        return Sealed(path, _rows(good), refused)


def _rows(lines: list[bytes]) -> dict[str, list[dict]]:
    found = defaultdict(list)
    for line in lines:
        for table, rows in orjson.loads(line).items():
            found[table] += [event_logs.LATER_COLUMNS.get(table, {}) | _typed(row) for row in rows]
    for table, rows in found.items():
        _table(rows, table)
    return found


def _ours(line: bytes) -> bool:
    try:
        return bool(_rows([line]))
    except NOT_OURS:
        return False


def _table(rows: list[dict], table: str) -> pa.Table:
    schema = event_logs.SCHEMAS[table]
    for row in rows:
        if row.keys() != set(schema.names):
            raise ValueError(f"columns differ by {sorted(set(schema.names) ^ row.keys())}")
    return pa.Table.from_pylist(rows, schema=schema)


def _content(rows: list[dict], table: str) -> bytes:
    """A Parquet file, made in memory: a full disk must not keep its own rows from leaving it."""
    sink = io.BytesIO()
    pq.write_table(_table(rows, table), sink, compression="zstd")
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
            groups[table, hour, event_logs.part(row["request_id"])].append(row)
    return groups
