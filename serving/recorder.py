"""The recorder of shown pages and requests: a row is in a local file before its answer, and on S3 soon after.

Every few seconds the file is sealed, synced, and its rows go to S3 as Parquet; what a process that died left behind
goes at the next start on the same disk. A node that is lost takes with it what it had not uploaded: while S3 answers,
that is `flush_seconds` and the time of one upload; `broadfast_spool_rows` and `_oldest_seconds` say what it is now.
"""

import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import orjson
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from components import storage
from serving import spool, spool_metrics
from serving.dropped_rows import DroppedRows
from serving.spool_folder import Backlog, lock_folder, measure
from serving.spool_limits import SpoolFull, SpoolLimits
from serving.spool_metrics import log

UNREACHABLE = (MinioException, HTTPError, OSError)
DRAIN_SECONDS = 20.0
DEFAULT_LIMITS = SpoolLimits()


class Recorder:
    """A log of one process and folder.

    Any thread may call `record`. Call `close` when the process ends. With `drops_when_full`, rows that the spool
    does not take are dropped, counted, and marked as a gap on S3; without it, they are refused.
    """

    def __init__(
        self,
        folder: str | Path,
        put: Callable[[str, bytes], None] = storage.put_bytes,
        flush_seconds: float = 5.0,
        limits: SpoolLimits = DEFAULT_LIMITS,
        drops_when_full: bool = False,
    ):
        self.folder = Path(folder)
        self.put = put
        self.flush_seconds = flush_seconds
        self.limits = limits
        self.drops_when_full = drops_when_full
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = lock_folder(self.folder)
        self.guard = threading.Lock()
        self.closing = threading.Event()
        self.is_closed = False
        self.is_reachable = True
        self.is_full = False
        self.file = None
        self.backlog = Backlog()
        self.dropped_rows = DroppedRows(self.folder)
        self._adopt_left_files()
        self.thread = threading.Thread(target=self._upload_until_closed, name="recorder", daemon=True)
        self.thread.start()

    def record(self, **tables: list[dict]) -> None:
        """Write rows, by table, as one line.

        The operating system has the line at return. This waits for other lines, never for S3 or for a sync.

        Raises:
            SpoolFull: the rows would exceed a limit, the disk does not take them, or the recorder is closed; not
                where rows are dropped.
        """
        try:
            self._write(tables)
        except SpoolFull as error:
            self._log_full(error)
            if not self.drops_when_full:
                raise
            self.dropped_rows.add(tables, str(error))
            return
        self.is_full = False
        for table, rows in tables.items():
            spool_metrics.RECORDED.labels(table).inc(len(rows))

    def flush(self) -> bool:
        """Seal the open file, upload every sealed one, return true where S3 took all."""
        try:
            self._seal()
            for path in sorted(self.folder.glob("*.jsonl")):
                self._upload(path)
            self.dropped_rows.mark_on_s3(self.put)
        except UNREACHABLE as error:
            spool_metrics.UPLOAD_FAILURES.inc()
            if self.is_reachable:
                log.warning("the logs are not on S3 (%s): %d rows wait in %s", error, self.spooled_rows, self.folder)
            self.is_reachable = False
        else:
            self.is_reachable = True
        measure(self.folder)
        return self.is_reachable

    def close(self) -> None:
        """Take no more rows and upload what is here.

        What S3 does not take within DRAIN_SECONDS stays for the next start.
        """
        with self.guard:
            self.is_closed = True
        self.closing.set()
        self.thread.join(DRAIN_SECONDS)
        if self.spooled_rows:
            log.warning("%d rows stay in %s until the next start", self.spooled_rows, self.folder)
        os.close(self.lock)

    @property
    def spooled_rows(self) -> int:
        """Return the number of rows that are not on S3 yet."""
        return self.backlog.rows

    @property
    def spooled_bytes(self) -> int:
        """Return the bytes of the files that are not on S3 yet."""
        return self.backlog.size

    def is_writable(self) -> bool:
        """Return true where the next rows would be taken, as far as can be known."""
        has_room = self.spooled_rows < self.limits.rows and self.spooled_bytes < self.limits.size
        return not self.is_closed and has_room and os.access(self.folder, os.W_OK)

    def _log_full(self, error: SpoolFull) -> None:
        """Log the beginning of a time in which nothing is recorded."""
        if not self.is_full:
            result = "pages are answered, and their rows are lost" if self.drops_when_full else "no page is answered"
            log.error("nothing is recorded, and %s: %s", result, error)
        self.is_full = True

    def _write(self, tables: dict[str, list[dict]]) -> None:
        line = orjson.dumps(tables, default=bytes.hex) + b"\n"
        rows = sum(len(rows) for rows in tables.values())
        with self.guard:
            if self.is_closed:
                raise SpoolFull("the server is stopping")
            self.limits.check_room(self.backlog, tables, rows, len(line))
            self._append(line)
            self.backlog.add(Path(self.file.name), rows, len(line))

    def _append(self, line: bytes) -> None:
        try:
            if self.file is None:
                self.file = open(self.folder / f"{uuid.uuid4()}.open", "ab", buffering=0)  # noqa: SIM115
            end = os.fstat(self.file.fileno()).st_size  # a file's read position says nothing of its end
            if self.file.write(line) < len(line):
                self.file.truncate(end)
                raise SpoolFull(f"the disk of {self.folder} is full")
        except OSError as error:
            raise SpoolFull(f"{self.folder} cannot be written: {error}") from error

    def _adopt_left_files(self) -> None:
        """Take over what an earlier process left in this folder."""
        for path in self.folder.glob("*.open"):
            path.rename(path.with_suffix(".jsonl"))
        for path in self.folder.glob("*.jsonl"):
            self.backlog.add(path, spool.read_sealed(path).row_count, path.stat().st_size)

    def _seal(self) -> None:
        with self.guard:
            file = self.file
            self.file = None
        if file:
            try:
                os.fsync(file.fileno())
            finally:
                file.close()
                os.rename(file.name, Path(file.name).with_suffix(".jsonl"))

    def _upload(self, path: Path) -> None:
        sealed_file = spool.read_sealed(path)
        for name, content in sealed_file.objects().items():
            self.put(name, content)
        sealed_file.quarantine()
        path.unlink()
        for table, rows in sealed_file.tables.items():
            spool_metrics.UPLOADED.labels(table).inc(len(rows))
        with self.guard:
            self.backlog.remove(path)

    def _upload_until_closed(self) -> None:
        while not self.closing.wait(self.flush_seconds):
            self.flush()
        self.flush()
