"""The files of a spool: a line is one call of `record`, whole or absent; a sealed file becomes Parquet on S3.

Lines that are no rows of this version's contracts are quarantined in a file of their own, and hold up no others.
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
from serving.spool_metrics import QUARANTINED, log

MALFORMED = (KeyError, TypeError, ValueError, AttributeError)  # what rows of other contracts, or no rows, raise


@dataclass
class SealedFile:
    """The rows of a sealed file, by table, and its lines that are no rows."""

    path: Path
    tables: dict[str, list[dict]]
    quarantined_lines: list[bytes] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        """Return the number of rows that can be uploaded."""
        return sum(map(len, self.tables.values()))

    def objects(self) -> dict[str, bytes]:
        """Return Parquet by object name, one object a table, hour and part.

        The names hold the file's own, so that a repeated upload writes the same objects.
        """
        return {
            event_logs.object_name(table, hour, part, self.path.stem): _to_parquet(rows, table)
            for (table, hour, part), rows in _group_by_object(self.tables).items()
        }

    def quarantine(self) -> None:
        """Write lines that are no rows to a file of their own."""
        if self.quarantined_lines:
            path = self.path.with_suffix(".refused")
            path.write_bytes(b"".join(self.quarantined_lines))
            count = len(self.quarantined_lines)
            log.error("%d lines are no rows of this version's contracts: kept in %s", count, path)
            QUARANTINED.inc(count)


def read_sealed(path: Path) -> SealedFile:
    """Read a file without its unfinished last line, whose request was never answered."""
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        log.warning("%s ends in an unfinished line of %d bytes: left out", path, len(lines.pop()))
    try:
        return SealedFile(path, _parse_rows(lines))
    except MALFORMED:
        return _read_line_by_line(path, lines)


def _read_line_by_line(path: Path, lines: list[bytes]) -> SealedFile:
    readable = [line for line in lines if _is_readable(line)]
    quarantined_lines = [line for line in lines if not _is_readable(line)]
    return SealedFile(path, _parse_rows(readable), quarantined_lines)


def _parse_rows(lines: list[bytes]) -> dict[str, list[dict]]:
    tables = defaultdict(list)
    for line in lines:
        for table, rows in orjson.loads(line).items():
            tables[table] += [event_logs.LATER_COLUMNS.get(table, {}) | _restore_types(row) for row in rows]
    for table, rows in tables.items():
        _to_arrow(rows, table)
    return tables


def _is_readable(line: bytes) -> bool:
    try:
        return bool(_parse_rows([line]))
    except MALFORMED:
        return False


def _to_arrow(rows: list[dict], table: str) -> pa.Table:
    schema = event_logs.SCHEMAS[table]
    for row in rows:
        if row.keys() != set(schema.names):
            raise ValueError(f"columns differ by {sorted(set(schema.names) ^ row.keys())}")
    return pa.Table.from_pylist(rows, schema=schema)


def _to_parquet(rows: list[dict], table: str) -> bytes:
    """Return a Parquet file, built in memory.

    A full disk must not keep its own rows from leaving it.
    """
    sink = io.BytesIO()
    pq.write_table(_to_arrow(rows, table), sink, compression="zstd")
    return sink.getvalue()


def _restore_types(row: dict) -> dict:
    typed_row = row | {"time": datetime.fromisoformat(row["time"])}
    if row.get("user_hash") is not None:
        typed_row["user_hash"] = bytes.fromhex(row["user_hash"])
    return typed_row


def _group_by_object(tables: dict[str, list[dict]]) -> dict[tuple[str, datetime, int], list[dict]]:
    groups = defaultdict(list)
    for table, rows in tables.items():
        for row in rows:
            hour = row["time"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            groups[table, hour, event_logs.part(row["request_id"])].append(row)
    return groups
