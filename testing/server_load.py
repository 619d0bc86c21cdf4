"""Load on a relevance server and its collector, the answers that callers got, and the rows that S3 holds."""

import io
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from components import event_logs, storage
from components.waiting import wait_until
from pipelines.local.ports import free_ports
from pipelines.local.processes import Laptop

CLIENTS = 4
LOAD_S = 6.0  # of a round, within which its fault comes
DRAIN_S = 240.0  # to wait for the spools, in the end
ITEMS = ("i1", "i2", "i3")


@dataclass
class CallerNotes:
    """The answers that callers got."""

    pages: list[tuple[str, str]] = field(default_factory=list)  # request, item
    grades: list[tuple[str, str]] = field(default_factory=list)  # request, item
    failures: Counter = field(default_factory=Counter)  # by reason


@dataclass
class LoadedServer:
    """A server and a collector under load, with their S3 and disk."""

    machine: Laptop
    package: Path
    features: Path
    spool: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])
    notes: CallerNotes = field(default_factory=CallerNotes)
    upload_kills: int = 0  # between an upload and the end of its file

    @property
    def url(self) -> str:
        """Return the server's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def outcomes_url(self) -> str:
        """Return the collector's address."""
        return f"http://127.0.0.1:{self.machine.ports['outcomes']}"

    def start(self) -> None:
        """Start server and collector on the spools they had."""
        server = [sys.executable, "-m", "serving", f"--package={self.package}", f"--features={self.features}"]
        server += [f"--port={self.port}", f"--spool={self.spool / 'server'}", "--when-full=refuse"]
        collector = [sys.executable, "-m", "serving.outcomes", f"--port={self.machine.ports['outcomes']}"]
        self.machine.start("server", server)
        self.machine.start("collector", [*collector, f"--spool={self.spool / 'collector'}"])
        self.machine.wait_ready("server", f"{self.url}/v1/models/relevance")
        self.machine.wait_ready("collector", f"{self.outcomes_url}/health")

    def run(self, number: int, fault: Callable[[], None]) -> None:
        """Send load, with a fault within it."""
        rng = random.Random(number)
        stop = Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._call_until, stop, f"{number}-{client}") for client in range(CLIENTS)]
            try:
                time.sleep(rng.uniform(0.3, LOAD_S))
                fault()
                time.sleep(1.0)
            finally:
                stop.set()
            for client in clients:
                client.result()

    def kill_in_an_upload(self) -> None:
        """Kill server and collector when the first rows of a file are on S3.

        Raises:
            RuntimeError: no upload came in time.
        """
        before = _exposure_files()
        files = wait_until(_exposure_files, lambda files: not files <= before, LOAD_S + DRAIN_S, pause_s=0)
        if files <= before:
            raise RuntimeError("no upload was seen that a kill could have met")
        self.kill("server", "collector")
        uploads = {Path(name).stem for name in _exposure_files()}
        self.upload_kills += any(path.stem in uploads for path in self.spool.rglob("*.jsonl"))

    def drain(self) -> None:
        """Wait until the spools are empty, and end both servers.

        Raises:
            RuntimeError: something still waits after DRAIN_S.
        """
        files = wait_until(self._spooled_files, lambda files: not files, DRAIN_S, pause_s=1)
        if files:
            raise RuntimeError(f"{len(files)} files of the spool are not on S3 after {DRAIN_S:.0f} s: {files[0]}")
        self.kill("server", "collector", how=signal.SIGTERM)

    def kill(self, *names: str, how: int = signal.SIGKILL) -> None:
        """Send a signal to processes and wait for their end."""
        for name in names:
            os.killpg(self.machine.processes[name].pid, how)
        for name in names:
            self.machine.processes.pop(name).wait()

    def _spooled_files(self) -> list[Path]:
        return [*self.spool.rglob("*.jsonl"), *self.spool.rglob("*.open")]

    def _call_until(self, stop: Event, name: str) -> None:
        """Ask and grade until the event, and note the answers."""
        with httpx.Client(timeout=5) as http:
            for turn in count():
                if stop.is_set():
                    return
                try:
                    self._ask_and_grade(http, f"{name}-{turn}")
                except httpx.HTTPError as error:
                    self.notes.failures[type(error).__name__] += 1
                    time.sleep(0.05)

    def _ask_and_grade(self, http: httpx.Client, request_id: str) -> None:
        body = {"query": f"red {request_id}", "item_ids": list(ITEMS), "request_id": request_id}
        answer = http.post(f"{self.url}/v1/models/relevance:predict", json=body)
        if answer.status_code == 200:
            self.notes.pages += [(request_id, item) for item in ITEMS]
        else:
            self.notes.failures[f"server {answer.status_code}"] += 1
        grade = {"request_id": request_id, "item_id": "i1", "kind": "grade", "grade": 0.5}
        answer = http.post(f"{self.outcomes_url}/outcomes", json={"outcomes": [grade]})
        if answer.status_code == 200:
            self.notes.grades.append((request_id, "i1"))
        else:
            self.notes.failures[f"collector {answer.status_code}"] += 1


def compare_with_s3(server: LoadedServer) -> dict:
    """Compare callers' answers with the rows on S3 after duplicates are left out."""
    pages = set(server.notes.pages)
    requests = {(request_id,) for request_id, _ in pages}
    exposure_counts, duplicate_count = count_on_s3("exposures", "request_id, item_id")
    grade_counts, _ = count_on_s3("outcomes", "request_id, item_id")
    request_counts, _ = count_on_s3("requests", "request_id")
    repeats = sum(counts.total() - len(counts) for counts in (exposure_counts, grade_counts, request_counts))
    return {
        "exposures_answered": len(pages),
        "exposures_lost": len(pages - exposure_counts.keys()),
        "exposures_duplicated": repeats,
        "copies_before_reading": duplicate_count,
        "kills_within_an_upload": server.upload_kills,
        "requests_lost": len(requests - request_counts.keys()),
        "outcomes_answered": len(server.notes.grades),
        "outcomes_lost": len(set(server.notes.grades) - grade_counts.keys()),
        "requests_not_answered": sum(server.notes.failures.values()),
        "not_answered_because": json.dumps(server.notes.failures),
    }


def count_on_s3(table: str, key: str) -> tuple[Counter, int]:
    """Count rows on S3 by key, and the duplicates that readers leave out."""
    parts = [pq.read_table(io.BytesIO(storage.get_bytes(name))) for name in storage.list_names(f"logs/{table}")]
    rows = pa.concat_tables(parts) if parts else event_logs.SCHEMAS[table].empty_table()
    query = f"SELECT {key}, count(*) FROM {event_logs.distinct(table, 'rows')} GROUP BY ALL"
    with duckdb.connect() as database:
        database.register("rows", rows)
        groups = database.execute(query).fetchall()
    counts = Counter({tuple(names): number for *names, number in groups})
    return counts, rows.num_rows - counts.total()


def _exposure_files() -> set[str]:
    return set(storage.list_names("logs/exposures"))
