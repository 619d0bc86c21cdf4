"""Gaps in the logs: rows that a server did not record because its spool was full, as small objects on S3.

Nothing can be promoted on logs with a gap, for nobody knows which arm lost more of its rows.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from components import storage

PREFIX = "logs/gaps"


@dataclass(frozen=True)
class LogGap:
    """The rows that one server dropped between two moments (UTC)."""

    start: datetime
    end: datetime
    rows: dict[str, int]  # by table
    reason: str

    @property
    def row_count(self) -> int:
        """Return the number of rows in all tables."""
        return sum(self.rows.values())

    def to_json(self) -> bytes:
        """Return the gap as a JSON document."""
        return json.dumps(asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "LogGap":
        """Parse the document of `to_json`."""
        document = json.loads(content)
        start = datetime.fromisoformat(document["start"])
        end = datetime.fromisoformat(document["end"])
        return cls(start, end, document["rows"], document["reason"])


def merge_gaps(first: LogGap | None, second: LogGap | None) -> LogGap | None:
    """Return one gap that spans both, with the later reason."""
    if not first or not second:
        return first or second
    rows = {table: first.rows.get(table, 0) + second.rows.get(table, 0) for table in first.rows | second.rows}
    return LogGap(min(first.start, second.start), max(first.end, second.end), rows, second.reason)


def object_name(gap: LogGap, server: str) -> str:
    """Return the name of a gap's object, in which `server` tells servers apart."""
    return f"{PREFIX}/date={gap.start:%Y-%m-%d}/{gap.start:%H%M%S}-{server}.json"


def read_gaps(start: datetime, end: datetime) -> list[LogGap]:
    """Read the gaps of all servers that overlap a period, in order of time."""
    gaps = [LogGap.from_json(storage.get_bytes(name)) for name in storage.list_names(PREFIX)]
    overlapping = [gap for gap in gaps if gap.end >= start and gap.start <= end]
    return sorted(overlapping, key=lambda gap: gap.start)
