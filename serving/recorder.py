"""Keeps what was shown and asked: each answered request is in a local file before its answer, and on S3 soon after.

Every few seconds the file is sealed, synced, and its rows go to S3 as Parquet; what a process that died left behind
goes at the next start on the same disk. A node that is lost takes with it what it had not uploaded: while S3 answers,
that is `flush_seconds` and the time of one upload; `broadfast_spool_rows` and `_oldest_seconds` say what it is now.
"""

import fcntl
import os
import threading
import time
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import orjson
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from components import storage
from serving import spool, spool_metrics
from serving.spool_metrics import log

UNREACHABLE = (MinioException, HTTPError, OSError)
DRAIN_SECONDS = 20.0
MEBIBYTE = 1 << 20
SPOOL_MEBIBYTES = 1024  # less than the volume that the manifests give: a pod that overfills it is evicted, rows and all


class Full(RuntimeError):
    """The spool takes no more rows: nothing may be shown that cannot be recorded."""


class Recorder:
    """One per process and folder; `record` from any thread, `close` when the process ends."""

    def __init__(
        self,
        folder: str | Path,
        put: Callable[[str, bytes], None] = storage.put_bytes,
        flush_seconds: float = 5.0,
        limit_rows: int = 500_000,
        limit_bytes: int = SPOOL_MEBIBYTES * MEBIBYTE,
    ):
        self.put, self.limit_bytes = put, limit_bytes
        self.folder, self.flush_seconds, self.limit_rows = Path(folder), flush_seconds, limit_rows
        self.folder.mkdir(parents=True, exist_ok=True)
        self.owner = _lock(self.folder / "lock")
        self.guard, self.closing, self.closed = threading.Lock(), threading.Event(), False
        self.file, self.reachable, self.full = None, True, False
        self.waiting: dict[str, tuple[int, int]] = {}  # rows and bytes that S3 has not taken, by the file's stem
        self._adopt()
        self.thread = threading.Thread(target=self._upload_until_closed, name="recorder", daemon=True)
        self.thread.start()

    def record(self, **tables: list[dict]) -> None:
        """Write rows, given by table, as one line; the operating system has it when this returns.

        Waits for other lines, never for S3 or for a sync.

        Raises:
            Full: the rows would exceed a limit (refused requests alone only that of bytes), the disk does not take
                them, or the recorder is closed.
        """
        try:
            self._record(tables)
        except Full as error:
            if not self.full:
                log.error("nothing is recorded, and so no page is answered: %s", error)
            self.full = True
            raise
        self.full = False
        for table, written in tables.items():
            spool_metrics.RECORDED.labels(table).inc(len(written))

    def _record(self, tables: dict[str, list[dict]]) -> None:
        line = orjson.dumps(tables, default=bytes.hex) + b"\n"
        rows = sum(len(rows) for rows in tables.values())
        with self.guard:
            if self.closed:
                raise Full("the server is stopping")
            if tables.keys() - {"requests"} and self.spooled + rows > self.limit_rows:
                raise Full(f"{self.spooled} rows wait for S3, and at most {self.limit_rows} may")
            if self.spooled_bytes + len(line) > self.limit_bytes:
                limit = self.limit_bytes / MEBIBYTE
                raise Full(f"{self.spooled_bytes / MEBIBYTE:.1f} MiB wait for S3, and at most {limit:g} MiB may")
            self._append(line)
            self._count(Path(self.file.name), rows, len(line))

    def flush(self) -> bool:
        """Seal the open file and upload every sealed one; False when S3 did not take all of it."""
        try:
            self._seal()
            for path in sorted(self.folder.glob("*.jsonl")):
                self._upload(path)
        except UNREACHABLE as error:
            spool_metrics.UPLOAD_FAILURES.inc()
            if self.reachable:
                log.warning("the logs are not on S3 (%s): %d rows wait in %s", error, self.spooled, self.folder)
            self.reachable = False
        else:
            self.reachable = True
        self._measure()
        return self.reachable

    def close(self) -> None:
        """Take no more, upload what is here; what S3 does not take in DRAIN_SECONDS stays for the next start."""
        with self.guard:
            self.closed = True
        self.closing.set()
        self.thread.join(DRAIN_SECONDS)
        if self.spooled:
            log.warning("%d rows stay in %s until the next start", self.spooled, self.folder)
        os.close(self.owner)

    @property
    def spooled(self) -> int:
        """Rows that are not on S3 yet."""
        return sum(rows for rows, _ in self.waiting.values())

    @property
    def spooled_bytes(self) -> int:
        """Bytes of the files that are not on S3 yet."""
        return sum(size for _, size in self.waiting.values())

    def writable(self) -> bool:
        """Whether the next rows would be taken, as far as can be known."""
        room = self.spooled < self.limit_rows and self.spooled_bytes < self.limit_bytes
        return not self.closed and room and os.access(self.folder, os.W_OK)

    def _adopt(self) -> None:
        """Take over what an earlier process left in this folder."""
        for path in self.folder.glob("*.open"):
            path.rename(path.with_suffix(".jsonl"))
        for path in self.folder.glob("*.jsonl"):
            self._count(path, spool.sealed(path).rows, path.stat().st_size)

    def _upload(self, path: Path) -> None:
        found = spool.sealed(path)
        for name, content in found.objects().items():
            self.put(name, content)
        found.set_aside()
        path.unlink()
        for table, rows in found.tables.items():
            spool_metrics.UPLOADED.labels(table).inc(len(rows))
        with self.guard:
            self.waiting.pop(path.stem, None)
            spool_metrics.SPOOLED.set(self.spooled)

    def _append(self, line: bytes) -> None:
        try:
            if self.file is None:
                self.file = open(self.folder / f"{uuid.uuid4()}.open", "ab", buffering=0)  # noqa: SIM115
            end = os.fstat(self.file.fileno()).st_size  # where the file is read from next says nothing of its end
            if self.file.write(line) < len(line):
                self.file.truncate(end)
                raise Full(f"the disk of {self.folder} is full")
        except OSError as error:
            raise Full(f"{self.folder} cannot be written: {error}") from error

    def _count(self, path: Path, rows: int, size: int) -> None:
        known_rows, known_size = self.waiting.get(path.stem, (0, 0))
        self.waiting[path.stem] = known_rows + rows, known_size + size
        spool_metrics.SPOOLED.set(self.spooled)

    def _measure(self) -> None:
        waiting = [path.stat() for path in self.folder.glob("*.jsonl")]
        spool_metrics.SPOOL_BYTES.set(sum(each.st_size for each in waiting))
        spool_metrics.OLDEST.set(time.time() - min(each.st_mtime for each in waiting) if waiting else 0)

    def _seal(self) -> None:
        with self.guard:
            file, self.file = self.file, None
        if file:
            try:
                os.fsync(file.fileno())
            finally:
                file.close()
                os.rename(file.name, Path(file.name).with_suffix(".jsonl"))

    def _upload_until_closed(self) -> None:
        while not self.closing.wait(self.flush_seconds):
            self.flush()
        self.flush()


def spool_options(parser: ArgumentParser, folder: str) -> None:
    """Add the options of a recorder, which `recorder_of` reads."""
    parser.add_argument("--spool", default=folder, help="folder of what is not on S3 yet")
    limit = "what may wait there; then nothing more is taken, until S3 has it"
    parser.add_argument("--spool-mebibytes", type=int, default=SPOOL_MEBIBYTES, help=limit)


def recorder_of(options: Namespace) -> Recorder:
    """The recorder that the command line asks for.

    Raises:
        ValueError: its spool would hold nothing, or another process has it.
    """
    if options.spool_mebibytes < 1:
        raise ValueError(f"--spool-mebibytes is {options.spool_mebibytes}: give one at least, for every page is kept")
    return Recorder(options.spool, limit_bytes=options.spool_mebibytes * MEBIBYTE)


def _lock(path: Path) -> int:
    """Hold the folder for this process; the lock goes with the process, however that ends."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ValueError(
            f"another process records in {path.parent}; give each server a spool folder of its own"
        ) from error
    return handle
