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
from components.pair_selection import write_buckets
from components.rationales.engine import EngineConfig
from components.rationales.generate import write_rationales
from components.rationales.sampler import GenerateConfig, RationaleSampler
from components.rationales.store import Store
from pipelines.local.processes import Laptop
from testing.scripted_engine import ScriptedEngine

PAIRS, BUCKETS, SHARD = 40, 2, 24
CONFIG = GenerateConfig(max_samples=2, prompt="tag", shard_requests=SHARD, buckets=BUCKETS)


class Boundaries:
    """Counts the boundaries that a worker passes, and kills it at one of them."""

    def __init__(self, fatal: int, log: Path):
        self.fatal = fatal
        self.count = 0
        self.log = log

    def cross(self) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def create(self, name: str, content: bytes) -> bool:
        self.cross()
        is_created = storage.create_bytes(name, content)
        self.cross()
        return is_created


class MortalEngine(ScriptedEngine):
    """The scripted engine with a boundary on either side; its prompts are appended to a log."""

    def __init__(self, boundaries: Boundaries):
        self.boundaries = boundaries

    def complete(self, texts, forced_prefixes):
        self.boundaries.cross()
        completions = super().complete(texts, forced_prefixes)
        with open(self.boundaries.log, "a") as file:
            file.write("".join(json.dumps(text) + "\n" for text in texts))
        self.boundaries.cross()
        return completions


def worker(fatal: int, folder: Path, digest: str) -> None:
    """Sample all rationales, or die at boundary `fatal`, and print the number of boundaries."""
    boundaries = Boundaries(fatal, folder / "prompts.jsonl")
    (folder / "buckets").mkdir(exist_ok=True)
    sampler = RationaleSampler(MortalEngine(boundaries), digest, EngineConfig(), CONFIG)
    buckets = write_buckets(pairs(), BUCKETS, folder / "buckets")
    out = (folder / "rationales", folder / "quarantine")
    result = write_rationales(buckets, sampler, out, lambda prefix: Store(prefix, create=boundaries.create))
    counts = {"rows_in": result.rows_in, "rows_out": result.rows_out, "quarantined": result.quarantined}
    print(json.dumps(counts | {"boundaries": boundaries.count}))


def pairs() -> Iterator[dict]:
    """Yield judged pairs of which no two read alike."""
    blank = dict.fromkeys(contracts.JUDGEMENTS.names, "") | {"split": "train", "label": "Exact"}
    for n in range(PAIRS):
        yield blank | {"query_id": f"q{n}", "query": f"shoe {n}", "item_id": f"i{n}", "title": f"item {n}"}


def run_worker(fatal: int, folder: Path, digest: str) -> subprocess.CompletedProcess:
    """Run a worker in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "testing.worker_kills", "--worker", str(fatal), str(folder), digest]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def count_records(folder: Path) -> Counter:
    """Count the records of both tables by pair, perspective and sample."""
    rows = [
        *contracts.read_batches(contracts.RATIONALES, folder / "rationales"),
        *contracts.read_batches(contracts.QUARANTINE, folder / "quarantine"),
    ]
    return Counter((row["query_id"], row["item_id"], row["perspective"], row["sample"]) for row in rows)


def kill_everywhere(folder: Path) -> dict:
    """Kill a worker at each boundary, let another finish, and compare with an undisturbed run.

    Raises:
        RuntimeError: a worker ended otherwise than it should.
    """
    whole = run_worker(0, folder / "whole", "whole")
    if whole.returncode:
        raise RuntimeError(whole.stderr)
    expected_records = count_records(folder / "whole")
    expected_prompts = count_prompts(folder / "whole")
    boundaries = json.loads(whole.stdout)["boundaries"]
    figures = {"kill_points": boundaries, "records": expected_records.total()}
    figures |= dict.fromkeys(("records_lost", "records_duplicated", "asked_again"), 0)
    for fatal in range(1, boundaries + 1):
        home = folder / str(fatal)
        kill_and_restart(fatal, home)
        records = count_records(home)
        figures["records_lost"] += (expected_records - records).total()
        figures["records_duplicated"] += (records - expected_records).total()
        repeats = (count_prompts(home) - expected_prompts).total()
        figures["asked_again"] = max(figures["asked_again"], repeats)
    return figures | {"asked_again_at_most": SHARD}  # one shard was answered and not stored when the worker died


def kill_and_restart(fatal: int, folder: Path) -> None:
    """Kill a worker at one boundary, and let another finish.

    Raises:
        RuntimeError: the first lived, or the second failed.
    """
    digest = f"{fatal:016d}"
    first = run_worker(fatal, folder, digest)
    second = run_worker(0, folder, digest)
    if first.returncode != -signal.SIGKILL or second.returncode:
        raise RuntimeError(f"boundary {fatal}: {first.returncode}, {second.returncode}\n{second.stderr}")


def count_prompts(folder: Path) -> Counter:
    """Count how often each prompt was sent to the engine, over all workers of a folder."""
    return Counter((folder / "prompts.jsonl").read_text().splitlines())


def main() -> None:
    """Run the worker, or the whole proof on an S3 of its own."""
    parser = argparse.ArgumentParser(prog="python -m testing.worker_kills", description=__doc__)
    parser.add_argument("--worker", nargs=3, metavar=("BOUNDARY", "FOLDER", "DIGEST"), help="be a worker; 0 lives on")
    args = parser.parse_args()
    if args.worker:
        boundary, folder, digest = args.worker
        worker(int(boundary), Path(folder), digest)
        return
    with TemporaryDirectory() as folder, Laptop(Path(folder) / "s3", Path(folder) / "s3") as laptop:
        laptop.start_s3()
        os.environ.update(laptop.environment)
        storage.ensure_bucket()
        print(json.dumps(kill_everywhere(Path(folder) / "work"), indent=1))


if __name__ == "__main__":
    main()
