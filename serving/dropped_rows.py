"""The rows that a full spool did not take: counted, kept in a small file, and marked on S3 when that answers."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from components.log_gaps import LogGap, merge_gaps, object_name
from serving import spool_metrics

SAVE_EVERY_S = 1.0


class DroppedRows:
    """The gap in the logs that is not marked on S3 yet."""

    def __init__(self, folder: Path):
        self.path = folder / "gap.json"
        self.name = str(uuid.uuid4())
        self.guard = threading.Lock()
        self.saved_at = 0.0
        self.gap = self._read_left_gap()

    def add(self, tables: dict[str, list[dict]], reason: str) -> None:
        """Count rows that were dropped now."""
        now = datetime.now(UTC)
        counts = {table: len(rows) for table, rows in tables.items()}
        for table, count in counts.items():
            spool_metrics.DROPPED.labels(table).inc(count)
        with self.guard:
            self.gap = merge_gaps(self.gap, LogGap(now, now, counts, reason))
            if time.monotonic() - self.saved_at > SAVE_EVERY_S:
                self._save()

    def mark_on_s3(self, put: Callable[[str, bytes], None]) -> None:
        """Write the gap to S3 and forget it, or keep it where that fails."""
        with self.guard:
            gap = self.gap
            self.gap = None
        if not gap:
            return
        is_marked = False
        try:
            put(object_name(gap, self.name), gap.to_json())
            is_marked = True
        finally:
            self._forget_or_restore(gap, is_marked)

    def _forget_or_restore(self, gap: LogGap, is_marked: bool) -> None:
        with self.guard:
            if not is_marked:
                self.gap = merge_gaps(gap, self.gap)
            if self.gap:
                self._save()
            else:
                self.path.unlink(missing_ok=True)

    def _save(self) -> None:
        """Write the gap to its file, for the next process."""
        self.saved_at = time.monotonic()
        part_file = self.path.with_suffix(".unfinished")
        with contextlib.suppress(OSError):  # the disk is full: the gap stays in memory, and what was saved before stays
            part_file.write_bytes(self.gap.to_json())
            part_file.replace(self.path)

    def _read_left_gap(self) -> LogGap | None:
        """Return the gap that an earlier process left, or None where none is readable."""
        try:
            return LogGap.from_json(self.path.read_bytes())
        except (OSError, ValueError, KeyError):
            return None
