"""Kill a worker at every boundary, and count what is lost or made twice: `python -m testing.worker_kills --help`.

A worker samples rationales with a scripted engine and a real S3; it is killed (SIGKILL) at its n-th boundary: before or
after the engine answers, before or after S3 takes a part. The next worker goes on, up to the last boundary.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts, storage
from components.rationales.engine import EngineConfig
from components.rationales.generate import write_rationales
from components.rationales.pair_selection import write_buckets
from components.rationales.sampler import GenerateConfig, RationaleSampler
from components.rationales.store import Store
from pipelines.local.processes import Laptop
from testing.scripted_engine import ScriptedEngine

PAIRS, BUCKETS, SHARD = 40, 2, 24
CONFIG = GenerateConfig(max_samples=2, prompt="tag", shard_requests=SHARD, buckets=BUCKETS)


class Boundaries:
    """Counts the boundaries that a worker passes, and kills it at one of them."""

    def __init__(self, fatal: int, log: Path):
        self.fatal, self.passed, self.log = fatal, 0, log

    def passes(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def create(self, name: str, content: bytes) -> bool:
        self.passes()
        created = storage.create_bytes(name, content)
        self.passes()
        return created


class Mortal(ScriptedEngine):
    """The scripted engine, with a boundary on either side; what it was asked is appended to a log."""

    def __init__(self, boundaries: Boundaries):
        self.boundaries = boundaries

    def complete(self, texts, forced_prefixes):
        self.boundaries.passes()
        told = super().complete(texts, forced_prefixes)
        with open(self.boundaries.log, "a") as file:
            file.write("".join(json.dumps(text) + "\n" for text in texts))
        self.boundaries.passes()
        return told


def worker(fatal: int, folder: Path, digest: str) -> None:
    """Sample all rationales, or die at boundary `fatal`; says how many boundaries there were."""
    boundaries = Boundaries(fatal, folder / "asked.jsonl")
    (folder / "buckets").mkdir(exist_ok=True)
    asking = RationaleSampler(Mortal(boundaries), digest, EngineConfig(), CONFIG)
    said = write_rationales(
        write_buckets(pairs(), BUCKETS, folder / "buckets"),
        asking,
        (folder / "kept", folder / "aside"),
        lambda prefix: Store(prefix, create=boundaries.create),
    )
    counts = {"rows_in": said.rows_in, "rows_out": said.rows_out, "quarantined": said.quarantined}
    print(json.dumps(counts | {"boundaries": boundaries.passed}))


def pairs() -> Iterator[dict]:
    """Judged pairs of which no two read alike."""
    blank = dict.fromkeys(contracts.JUDGEMENTS.names, "") | {"split": "train", "label": "Exact"}
    for n in range(PAIRS):
        yield blank | {"query_id": f"q{n}", "query": f"shoe {n}", "item_id": f"i{n}", "title": f"item {n}"}


def run_worker(fatal: int, folder: Path, digest: str) -> subprocess.CompletedProcess:
    """A worker in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "testing.worker_kills", "--worker", str(fatal), str(folder), digest]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def names(folder: Path) -> Counter:
    """Every record of both tables by pair, perspective and sample."""
    rows = [
        *contracts.read_batches(contracts.RATIONALES, folder / "kept"),
        *contracts.read_batches(contracts.QUARANTINE, folder / "aside"),
    ]
    return Counter((row["query_id"], row["item_id"], row["perspective"], row["sample"]) for row in rows)


def killed_everywhere(folder: Path) -> dict:
    """Kill a worker at each boundary of an undisturbed run, let another finish, and compare what they leave.

    Raises:
        RuntimeError: a worker ended otherwise than it should.
    """
    whole = run_worker(0, folder / "whole", "whole")
    if whole.returncode:
        raise RuntimeError(whole.stderr)
    expected, needed = names(folder / "whole"), asked(folder / "whole")
    boundaries = json.loads(whole.stdout)["boundaries"]
    found = {"kill_points": boundaries, "records": expected.total()}
    found |= dict.fromkeys(("records_lost", "records_duplicated", "asked_again"), 0)
    for fatal in range(1, boundaries + 1):
        place, digest = folder / str(fatal), f"{fatal:016d}"
        died, went_on = (run_worker(n, place, digest) for n in (fatal, 0))
        if died.returncode != -signal.SIGKILL or went_on.returncode:
            raise RuntimeError(f"boundary {fatal}: {died.returncode}, {went_on.returncode}\n{went_on.stderr}")
        left = names(place)
        found["records_lost"] += (expected - left).total()
        found["records_duplicated"] += (left - expected).total()
        found["asked_again"] = max(found["asked_again"], (asked(place) - needed).total())
    return found | {"asked_again_at_most": SHARD}  # one shard was answered and not stored when the worker died


def asked(folder: Path) -> Counter:
    """How often each prompt was sent to the engine, over all workers of a folder."""
    return Counter((folder / "asked.jsonl").read_text().splitlines())


def main() -> None:
    """Run the worker, or the whole proof on an S3 of its own."""
    parser = argparse.ArgumentParser(prog="python -m testing.worker_kills", description=__doc__)
    parser.add_argument("--worker", nargs=3, metavar=("BOUNDARY", "FOLDER", "DIGEST"), help="be a worker; 0 lives on")
    said = parser.parse_args()
    if said.worker:
        worker(int(said.worker[0]), Path(said.worker[1]), said.worker[2])
        return
    with TemporaryDirectory() as folder, Laptop(Path(folder) / "s3", Path(folder) / "s3") as laptop:
        laptop.start_s3()
        os.environ.update(laptop.environment)
        storage.ensure_bucket()
        print(json.dumps(killed_everywhere(Path(folder) / "work"), indent=1))


if __name__ == "__main__":
    main()
