"""The folder of a spool: its lock, and the count of what waits in it."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from serving import spool_metrics


@dataclass
class FileBacklog:
    """Rows and bytes of one file that S3 has not taken."""

    rows: int = 0
    size: int = 0


class Backlog:
    """The rows and bytes that wait in a spool, by file.

    The caller guards it against other threads.
    """

    def __init__(self):
        self.files: dict[str, FileBacklog] = {}  # by the file's stem

    @property
    def rows(self) -> int:
        """Return the number of rows that are not on S3 yet."""
        return sum(file.rows for file in self.files.values())

    @property
    def size(self) -> int:
        """Return the bytes of the files that are not on S3 yet."""
        return sum(file.size for file in self.files.values())

    def add(self, path: Path, rows: int, size: int) -> None:
        """Count rows and bytes that were added to a file."""
        file = self.files.setdefault(path.stem, FileBacklog())
        file.rows += rows
        file.size += size
        spool_metrics.SPOOLED.set(self.rows)

    def remove(self, path: Path) -> None:
        """Forget a file that S3 has taken."""
        self.files.pop(path.stem, None)
        spool_metrics.SPOOLED.set(self.rows)


def measure(folder: Path) -> None:
    """Set the metrics of the sealed files that wait in a folder."""
    stats = [path.stat() for path in folder.glob("*.jsonl")]
    spool_metrics.SPOOL_BYTES.set(sum(stat.st_size for stat in stats))
    spool_metrics.OLDEST.set(time.time() - min(stat.st_mtime for stat in stats) if stats else 0)


def lock_folder(folder: Path) -> int:
    """Lock a folder until this process ends, however that happens.

    Raises:
        ValueError: another process holds it; give each server a folder of its own.
    """
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ValueError(f"another process records in {folder}; give each server a spool folder of its own") from error
    return handle
