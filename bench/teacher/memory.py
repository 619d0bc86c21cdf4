"""Measures the memory that sampling takes, by the number of pairs. `python -m bench.teacher.memory --help`.

Each size has a process of its own, with a scripted engine and a real S3; a bucket holds about BUCKET pairs whatever
the size, so that the peak should stay where it is while the pairs grow.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.storage import laptop_with_storage
from components import contracts
from components.pair_selection import select_pairs, write_buckets
from components.rationales.engine import EngineConfig
from components.rationales.generate import write_rationales
from components.rationales.sampler import GenerateConfig, RationaleSampler
from testing.scripted_engine import ScriptedEngine

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
BUCKET = 1_000


def worker(count: int, folder: Path) -> None:
    """Sample rationales of so many pairs, and say what it took."""
    began = time.monotonic()
    config = GenerateConfig(max_samples=1, buckets=count // BUCKET)
    rows = contracts.read_batches(contracts.JUDGEMENTS, folder / "judgements")
    pairs = select_pairs(rows, config.split, config.pairs)
    sampler = RationaleSampler(ScriptedEngine(), f"{count:016d}", EngineConfig(), config)
    said = write_rationales(write_buckets(pairs, config.buckets, folder), sampler, (folder / "kept", folder / "aside"))
    said = {"peak_mb": round(peak_mb(), 1), "seconds": round(time.monotonic() - began, 1), "requests": said.rows_in}
    print(json.dumps(said))


def peak_mb() -> float:
    """The most memory that this process ever held; getrusage would add what its parent held when it was started."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def judgements(count: int) -> Iterator[dict]:
    """Judged pairs of which no two read alike, ten items a query."""
    blank = dict.fromkeys(contracts.JUDGEMENTS.names, "") | {"split": "train", "brand": "Fell", "category": "Shoes"}
    for n in range(count):
        query = {"query_id": f"q{n // 10}", "query": f"waterproof trail running shoe, number {n // 10}"}
        item = {"item_id": f"i{n}", "title": f"Trail running shoe {n}, waterproof, men"}
        yield blank | query | item | {"label": contracts.LABELS[n % 4]}


def measured(count: int, folder: Path) -> dict:
    """What a worker says of a size, in a process of its own.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    contracts.write_batches(judgements(count), contracts.JUDGEMENTS, folder / "judgements")
    command = [sys.executable, "-m", "bench.teacher.memory", "--worker", str(count), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def peaks() -> dict:
    """What every size takes, on the S3 that the environment names."""
    found = {"pairs_a_bucket": BUCKET}
    for name, count in SIZES.items():
        with TemporaryDirectory() as folder:
            found |= {f"{what}_{name}": value for what, value in measured(count, Path(folder)).items()}
    return found | {"growth_10k_to_100k": round(found["peak_mb_100k"] / found["peak_mb_10k"] - 1, 3)}


def main() -> None:
    """Be a worker, or measure every size on an S3 of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.teacher.memory", description=__doc__)
    parser.add_argument("--worker", nargs=2, metavar=("PAIRS", "FOLDER"), help="be a worker")
    said = parser.parse_args()
    if said.worker:
        worker(int(said.worker[0]), Path(said.worker[1]))
        return
    with TemporaryDirectory() as home, laptop_with_storage(Path(home) / "s3", Path(home) / "s3"):
        print(json.dumps(peaks(), indent=1))


if __name__ == "__main__":
    main()
