"""Break a relevance server and its log under load, and count answered rows that S3 lacks.

`python -m testing.server_faults --rounds 20`. Every round has its own fault at its own moment; then everything is
started again on the same spool, drained, and what S3 holds is compared with what callers were answered.
"""

import argparse
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from components import event_logs, storage
from pipelines.local.ports import free_ports
from pipelines.local.processes import Laptop
from testing.servers import environment
from testing.tiny_package import write_package

KINDS = ("kill the server", "stop the server", "kill S3", "kill both", "fill the disk", "kill in an upload")
CLIENTS = 4
LOAD_S = 6.0  # of a round; the fault comes somewhere within
LONG_S = 120.0  # without S3, once
SMALL_DISK = "2m"
DRAIN_S = 240.0  # to wait for the spools, in the end


@dataclass
class Rounds:
    """A server, its S3 and its disk; and what callers were answered."""

    machine: Laptop
    package: Path
    features: Path
    spool: Path
    answered: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    refused: Counter = field(default_factory=Counter)
    met: int = 0  # kills that came between an upload and the end of its file
    port: int = field(default_factory=lambda: free_ports(1)[0])
    grades: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """The server and the collector, on the spools they had."""
        command = [sys.executable, "-m", "serving", f"--package={self.package}", f"--features={self.features}"]
        self.machine.start(
            "server", [*command, f"--port={self.port}", f"--spool={self.spool / 'server'}", "--when-full=refuse"]
        )
        collector = [sys.executable, "-m", "serving.outcomes", f"--port={self.machine.ports['outcomes']}"]
        self.machine.start("collector", [*collector, f"--spool={self.spool / 'collector'}"])
        self.machine.wait_ready("server", f"{self.url}/v1/models/relevance")
        self.machine.wait_ready("collector", f"{self.outcomes}/health")

    @property
    def outcomes(self) -> str:
        return f"http://127.0.0.1:{self.machine.ports['outcomes']}"

    def run(self, number: int, fault) -> None:
        """One round: load, a fault within it, an end."""
        rng, stop = random.Random(number), Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._ask, f"{number}-{client}", stop) for client in range(CLIENTS)]
            try:
                time.sleep(rng.uniform(0.3, LOAD_S))
                fault()
                time.sleep(1.0)
            finally:
                stop.set()
            for client in clients:
                client.result()

    def kill_in_an_upload(self) -> None:
        """Kill both servers when a file's first rows are on S3 and the file itself is still there."""
        known, deadline = set(storage.list_names("logs/exposures")), time.monotonic() + LOAD_S + DRAIN_S
        while set(storage.list_names("logs/exposures")) <= known:
            if time.monotonic() > deadline:
                raise RuntimeError("no upload was seen that a kill could have met")
        self.kill("server", "collector")
        uploaded = {Path(name).stem for name in storage.list_names("logs/exposures")}
        self.met += any(path.stem in uploaded for path in self.spool.rglob("*.jsonl"))

    def _ask(self, name: str, stop: Event) -> None:
        """Ask and grade until told to stop; note what was answered."""
        with httpx.Client(timeout=5) as http:
            for turn in range(1_000_000):
                if stop.is_set():
                    return
                request_id, items = f"{name}-{turn}", ["i1", "i2", "i3"]
                try:
                    body = {"query": f"red {turn}", "item_ids": items, "request_id": request_id}
                    answer = http.post(f"{self.url}/v1/models/relevance:predict", json=body)
                    self._note(answer.status_code, "server", lambda: self.answered.append((request_id, tuple(items))))  # noqa: B023
                    grade = {"request_id": request_id, "item_id": "i1", "kind": "grade", "grade": 0.5}
                    answer = http.post(f"{self.outcomes}/outcomes", json={"outcomes": [grade]})
                    self._note(answer.status_code, "collector", lambda: self.grades.append((request_id, "i1")))  # noqa: B023
                except httpx.HTTPError as error:
                    self.refused[type(error).__name__] += 1
                    time.sleep(0.05)

    def _note(self, status: int, who: str, keep) -> None:
        if status == 200:
            keep()
        else:
            self.refused[f"{who} {status}"] += 1

    def drain(self) -> None:
        """Wait until the spools are empty, and end both servers.

        Raises:
            RuntimeError: something still waits after DRAIN_S.
        """
        deadline = time.monotonic() + DRAIN_S
        while waiting := [path for kind in ("*.jsonl", "*.open") for path in self.spool.rglob(kind)]:
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{len(waiting)} files of the spool are not on S3 after {DRAIN_S:.0f} s: {waiting[0]}"
                )
            time.sleep(1)
        self.kill("server", "collector", how=signal.SIGTERM)

    def kill(self, *names: str, how: int = signal.SIGKILL) -> None:
        """Send a signal to processes and see them end."""
        for name in names:
            os.killpg(self.machine.processes[name].pid, how)
        for name in names:
            self.machine.processes.pop(name).wait()


def fault_figures(folder: Path, rounds: int = 20) -> dict:
    """What was lost and what was there twice, over so many rounds.

    Raises:
        RuntimeError: a server does not come up again.
    """
    from testing.feature_night import build_night

    folder.mkdir(parents=True, exist_ok=True)
    write_package(folder / "package")
    with small_disk(folder / "disk") as disk, Laptop(folder / "state", folder) as machine:
        made = Rounds(machine, folder / "package", build_night(folder / "night"), disk or folder / "spool")
        machine.start_s3()
        with environment(**machine.environment):
            storage.ensure_bucket()
            made.start()
            kinds = [kind for kind in KINDS if disk or kind != "fill the disk"]
            for number in range(rounds):
                one(made, number, kinds[number % len(kinds)], LONG_S if number == 2 and rounds >= 20 else 3.0)
            made.drain()
            return {"fault_rounds": rounds, "fault_kinds": ", ".join(kinds)} | compared(made)


def one(made: Rounds, number: int, kind: str, away_s: float) -> None:
    """One round of one kind, after which everything runs again."""
    print(f"  {time.strftime('%H:%M:%S')} round {number}: {kind}", file=sys.stderr, flush=True)
    if kind == "fill the disk":
        return full_disk(made, number)
    if kind == "kill in an upload":
        made.run(number, made.kill_in_an_upload)
        return made.start()
    dead = {"kill the server": ("server", "collector"), "stop the server": ("server", "collector"), "kill S3": ("s3",)}
    names = dead.get(kind, ("server", "collector", "s3"))
    made.run(number, lambda: made.kill(*names, how=signal.SIGTERM if kind == "stop the server" else signal.SIGKILL))
    if "s3" in names:
        time.sleep(away_s)
        made.machine.restart_s3()
    if "server" in names:
        made.start()
    return None


def full_disk(made: Rounds, number: int) -> None:
    """Take the disk's last bytes for a while, S3 being away so that the spool cannot shrink."""
    filler = made.spool / "filler"

    def fill() -> None:
        made.kill("s3")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    made.run(number, fill)
    filler.unlink()
    made.machine.restart_s3()


@contextlib.contextmanager
def small_disk(place: Path, size: str = SMALL_DISK):
    """A file system of so many bytes; None where this process may not mount one."""
    place.mkdir(exist_ok=True)
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
    ).returncode
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)


def compared(made: Rounds) -> dict:
    """Callers' answers against what S3 holds after copies were removed."""
    shown = {(request_id, item) for request_id, items in made.answered for item in items}
    exposures, copies = on_s3("exposures", "request_id, item_id")
    grades, _ = on_s3("outcomes", "request_id, item_id")
    requests, _ = on_s3("requests", "request_id")
    asked = {(request_id,) for request_id, _ in made.answered}
    twice = sum(count - 1 for table in (exposures, grades, requests) for count in table.values())
    return {
        "exposures_answered": len(shown),
        "exposures_lost": len(shown - exposures.keys()),
        "exposures_duplicated": twice,
        "copies_before_reading": copies,
        "kills_within_an_upload": made.met,
        "requests_lost": len(asked - requests.keys()),
        "outcomes_answered": len(made.grades),
        "outcomes_lost": len(set(made.grades) - grades.keys()),
        "requests_not_answered": sum(made.refused.values()),
        "not_answered_because": json.dumps(made.refused),
    }


def on_s3(table: str, key: str) -> tuple[Counter, int]:
    """How often each key is on S3 after reading as readers do, and how many copies they left out."""
    parts = [pq.read_table(io.BytesIO(storage.get_bytes(name))) for name in storage.list_names(f"logs/{table}")]
    rows = pa.concat_tables(parts) if parts else event_logs.SCHEMAS[table].empty_table()
    with duckdb.connect() as database:
        database.register("rows", rows)
        found = database.execute(
            f"SELECT {key}, count(*) FROM {event_logs.distinct(table, 'rows')} GROUP BY ALL"
        ).fetchall()
    counted = Counter({tuple(names): count for *names, count in found})
    return counted, rows.num_rows - counted.total()


def main() -> None:
    """Break things in a folder of their own."""
    parser = argparse.ArgumentParser(prog="python -m testing.server_faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("runs/bench/serving/faults"))
    options = parser.parse_args()
    print(json.dumps(fault_figures(options.folder, options.rounds), indent=1))


if __name__ == "__main__":
    main()
