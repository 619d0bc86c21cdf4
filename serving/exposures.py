"""Keeps what was shown and asked: each answered request is in a local file before its answer, and on S3 soon after.

A line of the spool is one call of `record`, whole or not there. Every few seconds the file is sealed, synced, and its
rows go to S3 as Parquet under logs/TABLE/date=/hour=/; what a process that died left behind goes at the next start.
"""

import fcntl
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from components import contracts, storage
from serving.metrics import SPOOLED, UPLOAD_FAILURES, log

SCHEMAS = {"exposures": contracts.EXPOSURES, "requests": contracts.REQUESTS, "outcomes": contracts.OUTCOMES}
UNREACHABLE = (MinioException, HTTPError, OSError)
DRAIN_SECONDS = 20.0


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
    ):
        self.put = put
        self.folder, self.flush_seconds, self.limit_rows = Path(folder), flush_seconds, limit_rows
        self.folder.mkdir(parents=True, exist_ok=True)
        self.owner = _lock(self.folder / "lock")
        self.guard, self.closing, self.closed = threading.Lock(), threading.Event(), False
        self.file, self.reachable = None, True
        for path in self.folder.glob("*.open"):
            path.rename(path.with_suffix(".jsonl"))
        self.spooled = sum(len(rows) for path in self.folder.glob("*.jsonl") for rows in _tables(path).values())
        self.thread = threading.Thread(target=self._upload_until_closed, name="recorder", daemon=True)
        self.thread.start()

    def record(self, **tables: list[dict]) -> None:
        """Write rows, given by table, as one line; the operating system has it when this returns.

        Raises:
            Full: the rows would exceed the limit (refused requests alone never do), the disk does not take them,
                or the recorder is closed.
        """
        line = orjson.dumps(tables, default=bytes.hex) + b"\n"
        rows = sum(len(rows) for rows in tables.values())
        with self.guard:
            if self.closed:
                raise Full("the server is stopping")
            if tables.keys() - {"requests"} and self.spooled + rows > self.limit_rows:
                raise Full(f"{self.spooled} rows wait for S3, and at most {self.limit_rows} may")
            self._append(line)
            self._count(rows)

    def flush(self) -> bool:
        """Seal the open file and upload every sealed one; False when S3 did not take all of it."""
        self._seal()
        try:
            for path in sorted(self.folder.glob("*.jsonl")):
                rows = _upload(path, self.put)
                with self.guard:
                    self._count(-rows)
        except UNREACHABLE as error:
            UPLOAD_FAILURES.inc()
            if self.reachable:
                log.warning("S3 does not take the logs (%s): %d rows wait in %s", error, self.spooled, self.folder)
            self.reachable = False
            return False
        self.reachable = True
        return True

    def close(self) -> None:
        """Take no more, upload what is here; what S3 does not take in DRAIN_SECONDS stays for the next start."""
        with self.guard:
            self.closed = True
        self.closing.set()
        self.thread.join(DRAIN_SECONDS)
        if self.spooled:
            log.warning("%d rows stay in %s until the next start", self.spooled, self.folder)
        os.close(self.owner)

    def _append(self, line: bytes) -> None:
        try:
            if self.file is None:
                self.file = open(self.folder / f"{uuid.uuid4()}.open", "ab", buffering=0)  # noqa: SIM115
            end = self.file.tell()
            if self.file.write(line) < len(line):
                self.file.truncate(end)
                raise Full(f"the disk of {self.folder} is full")
        except OSError as error:
            raise Full(f"{self.folder} cannot be written: {error}") from error

    def _count(self, rows: int) -> None:
        self.spooled += rows
        SPOOLED.set(self.spooled)

    def _seal(self) -> None:
        with self.guard:
            file, self.file = self.file, None
        if file:
            os.fsync(file.fileno())
            file.close()
            os.rename(file.name, Path(file.name).with_suffix(".jsonl"))

    def _upload_until_closed(self) -> None:
        while not self.closing.wait(self.flush_seconds):
            self.flush()
        self.flush()


def _upload(path: Path, put: Callable[[str, bytes], None]) -> int:
    """Put a sealed file's rows on S3, an object a table and hour, named for the file: twice is the same as once."""
    tables = _tables(path)
    for name, content in _parquet(path, tables).items():
        put(name, content)
    path.unlink(missing_ok=True)
    return sum(len(rows) for rows in tables.values())


def _parquet(path: Path, tables: dict[str, list[dict]]) -> dict[str, bytes]:
    """Objects by name; of a file that this version's contracts refuse none, and it is set aside."""
    objects, scratch = {}, path.with_suffix(".parquet")
    try:
        for (table, hour), rows in _by_hour(tables).items():
            contracts.write(rows, SCHEMAS[table], scratch)
            objects[f"logs/{table}/date={hour:%Y-%m-%d}/hour={hour:%H}/{path.stem}.parquet"] = scratch.read_bytes()
            scratch.unlink()
    except (KeyError, ValueError) as error:
        log.error("%s is set aside as .refused, for its rows are not of this version's contracts: %s", path, error)
        path.rename(path.with_suffix(".refused"))
        return {}
    return objects


def _tables(path: Path) -> dict[str, list[dict]]:
    """The rows of a spool file, by table, as their contracts have them."""
    tables = defaultdict(list)
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):  # the process died inside this write: its request was never answered
            log.warning("%s ends in an unfinished line of %d bytes: left out", path, len(line))
            continue
        for table, rows in orjson.loads(line).items():
            tables[table] += [_typed(row) for row in rows]
    return tables


def _typed(row: dict) -> dict:
    known = {"time": datetime.fromisoformat(row["time"])}
    if row.get("user_hash") is not None:
        known["user_hash"] = bytes.fromhex(row["user_hash"])
    return row | known


def _by_hour(tables: dict[str, list[dict]]) -> dict[tuple[str, datetime], list[dict]]:
    groups = defaultdict(list)
    for table, rows in tables.items():
        for row in rows:
            hour = row["time"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            groups[table, hour].append(row)
    return groups


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
