"""What sampling does where the disk is full, and where two workers are given the very same bucket."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pyarrow.parquet as pq
import pytest

from components import contracts, storage
from components.rationales.choose import divided
from components.rationales.engine import EngineConfig
from components.rationales.generate import Asking, GenerateConfig, write_rationales
from testing.rows import judgement
from testing.scripted_engine import ScriptedEngine

pytestmark = pytest.mark.slow  # starts S3
CONFIG = GenerateConfig(prompt="tag", max_samples=1, attempts=1, shard_requests=8)
PAIRS = [judgement(item_id=f"i{n}", title=f"shoe {n}") for n in range(8)]  # 24 requests: three shards
FULL = "No space left on device: .*unfinished"


class Told(ScriptedEngine):
    """The scripted engine; keeps what it was asked, and calls `meanwhile` before each answer."""

    def __init__(self, meanwhile=lambda: None):
        self.asked, self.meanwhile = [], meanwhile

    def complete(self, texts, openings):
        self.meanwhile()
        self.asked += texts
        return super().complete(texts, openings)


def work(engine, folder: Path, digest: str) -> dict:
    """Sample the pairs' rationales to `folder`."""
    (folder / "buckets").mkdir(parents=True, exist_ok=True)
    asking = Asking(engine, digest, EngineConfig(), CONFIG)
    return write_rationales(divided(PAIRS, 1, folder / "buckets"), asking, (folder / "kept", folder / "aside"))


def fill_disk_below(path: Path) -> None:
    """Let the kernel refuse, as on a full disk, what is written from now on to a file that this process has open."""
    for link in list(Path("/proc/self/fd").iterdir()):
        if link.is_symlink() and link.readlink() == path:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, int(link.name))
            os.close(full)


def test_on_a_disk_that_is_full_from_the_start_nothing_is_asked(s3, tmp_path):
    engine = Told()
    (tmp_path / "kept.unfinished").symlink_to("/dev/full")
    with pytest.raises(OSError, match=FULL):
        work(engine, tmp_path, "full-from-the-start")
    assert not engine.asked and not (tmp_path / "kept").exists() and not (tmp_path / "aside").exists()


@pytest.mark.parametrize("table", ["kept", "aside"])
def test_a_disk_that_fills_up_costs_no_answer_and_leaves_no_table(s3, tmp_path, table):
    first, second = Told(lambda: fill_disk_below(tmp_path / f"{table}.unfinished")), Told()
    with pytest.raises(OSError, match=FULL):
        work(first, tmp_path, f"fills-up-{table}")
    assert len(first.asked) == 24 and not (tmp_path / "kept").exists()
    said = work(second, tmp_path, f"fills-up-{table}")
    assert not second.asked and (said["rows_in"], said["generated"]) == (24, 0)
    assert contracts.count(tmp_path / "kept") + contracts.count(tmp_path / "aside") == 24


class Late(Told):
    """Answers first when the other worker was asked as well, and signs what it writes."""

    def __init__(self, barrier: Barrier, name: str):
        super().__init__(lambda: self.asked or barrier.wait(timeout=30))
        self.signature = name

    def _one(self, text, opening):
        told = super()._one(text, opening)
        return replace(told, text=told.text.replace(" It was", f" {self.signature} says it was"))


def test_two_workers_of_the_very_same_bucket_tell_every_key_once_and_return_the_same(s3, tmp_path):
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda name: work(Late(barrier, name), tmp_path / name, "same-bucket"), ("one", "two")))
    one, two = (contracts.read(contracts.RATIONALES, tmp_path / name / "kept") for name in ("one", "two"))
    assert one == two and {row["text"].split()[0] for row in one} <= {"one", "two"}
    parts = [io.BytesIO(storage.get_bytes(name)) for name in storage.list_names("rationales/same-bucket")]
    keys = [key for part in parts for key in pq.read_table(part)["key"].to_pylist()]
    assert len(keys) == len(set(keys)) == 24 == sum(each["generated"] for each in said)
