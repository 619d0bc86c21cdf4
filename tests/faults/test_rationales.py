"""Sampling on a full disk, and by two workers of the same bucket."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pyarrow.parquet as pq
import pytest

from components import contracts, storage
from components.pair_selection import write_buckets
from components.rationales.engine import EngineConfig
from components.rationales.generate import write_rationales
from components.rationales.sampler import GenerateConfig, RationaleSampler
from components.step_result import StepResult
from testing.rows import judgement
from testing.scripted_engine import ScriptedEngine

pytestmark = pytest.mark.slow  # starts S3
CONFIG = GenerateConfig(prompt="tag", max_samples=1, attempts=1, shard_requests=8)
PAIRS = [judgement(item_id=f"i{n}", title=f"shoe {n}") for n in range(8)]  # 24 requests: three shards
FULL = "No space left on device: .*unfinished"


class RecordingEngine(ScriptedEngine):
    """The scripted engine; keeps its prompts, and calls `meanwhile` before each answer."""

    def __init__(self, meanwhile=lambda: None):
        self.prompts = []
        self.meanwhile = meanwhile

    def complete(self, texts, forced_prefixes):
        self.meanwhile()
        self.prompts += texts
        return super().complete(texts, forced_prefixes)


def work(engine, folder: Path, digest: str) -> StepResult:
    """Sample the pairs' rationales to `folder`."""
    (folder / "buckets").mkdir(parents=True, exist_ok=True)
    sampler = RationaleSampler(engine, digest, EngineConfig(), CONFIG)
    buckets = write_buckets(PAIRS, 1, folder / "buckets")
    return write_rationales(buckets, sampler, (folder / "rationales", folder / "quarantine"))


def fill_disk_below(path: Path) -> None:
    """Let the kernel refuse, as on a full disk, what is written from now on to a file that this process has open."""
    for link in list(Path("/proc/self/fd").iterdir()):
        if link.is_symlink() and link.readlink() == path:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, int(link.name))
            os.close(full)


def test_on_a_full_disk_nothing_is_asked(s3, tmp_path):
    engine = RecordingEngine()
    (tmp_path / "rationales.unfinished").symlink_to("/dev/full")
    with pytest.raises(OSError, match=FULL):
        work(engine, tmp_path, "full-from-the-start")
    assert not engine.prompts
    assert not (tmp_path / "rationales").exists() and not (tmp_path / "quarantine").exists()


@pytest.mark.parametrize("table", ["rationales", "quarantine"])
def test_a_disk_that_fills_up_costs_no_answer(s3, tmp_path, table):
    first = RecordingEngine(lambda: fill_disk_below(tmp_path / f"{table}.unfinished"))
    second = RecordingEngine()
    with pytest.raises(OSError, match=FULL):
        work(first, tmp_path, f"fills-up-{table}")
    assert len(first.prompts) == 24 and not (tmp_path / "rationales").exists()
    result = work(second, tmp_path, f"fills-up-{table}")
    assert not second.prompts and (result.rows_in, result.details["generated"]) == (24, 0)
    assert contracts.count(tmp_path / "rationales") + contracts.count(tmp_path / "quarantine") == 24


class WaitingEngine(RecordingEngine):
    """Answers once the other worker was asked as well, and signs its answers."""

    def __init__(self, barrier: Barrier, name: str):
        super().__init__(lambda: self.prompts or barrier.wait(timeout=30))
        self.signature = name

    def _answer(self, text, forced_prefix):
        completion = super()._answer(text, forced_prefix)
        return replace(completion, text=completion.text.replace(" It was", f" {self.signature} says it was"))


def test_two_workers_of_one_bucket_return_the_same(s3, tmp_path):
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        names = ("one", "two")
        results = list(pool.map(lambda name: work(WaitingEngine(barrier, name), tmp_path / name, "same-bucket"), names))
    first, second = (contracts.read(contracts.RATIONALES, tmp_path / name / "rationales") for name in names)
    assert first == second and {row["text"].split()[0] for row in first} <= {"one", "two"}
    parts = [io.BytesIO(storage.get_bytes(name)) for name in storage.list_names("rationales/same-bucket")]
    keys = [key for part in parts for key in pq.read_table(part)["key"].to_pylist()]
    assert len(keys) == len(set(keys)) == 24 == sum(result.details["generated"] for result in results)
