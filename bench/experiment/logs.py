"""Logs of a made-up experiment of any size, as Parquet: 0.1% of exposures twice, 3% with an outcome, 16-byte keys."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.experiment.assignment import draw

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS, PRE_DAYS = 14, 3
END = BEGAN + timedelta(days=DAYS)
FILE_ROWS, PAGE = 1_000_000, 10
ITEMS, QUERIES = 50_000, 10_000
COPIES, CLICKED, ORDERED, GRADED = 0.001, 0.02, 0.004, 0.006
LIFT = 0.02  # of the orders in treatment
EXPERIMENT = {
    "experiment_id": "bench",
    "salt": "bench",
    "stages": [
        {"share": 0.0, "started": BEGAN.isoformat()},
        {"share": 0.5, "started": (BEGAN + timedelta(days=PRE_DAYS)).isoformat()},
    ],
    "versions": {"control": "v1", "treatment": "v2"},
}


def write_logs(folder: Path, exposures: int, users: int, seed: int = 0) -> None:
    """Write `exposures` rows and what came of them below `folder`, a million a file; a whole set is not made again."""
    if (folder / "whole").exists():
        return
    rng = np.random.default_rng(seed)
    known = [rng.bytes(16) for _ in range(users)]
    treated = np.array([draw(user, EXPERIMENT["salt"]) < 0.5 for user in known])
    spends = rng.lognormal(-0.125, 0.5, users)  # how readily each orders
    keys = {"user_hash": known, "item_id": [rng.bytes(16) for _ in range(ITEMS)]}
    keys = {name: pa.array(values, pa.binary(16)) for name, values in keys.items()}
    files = max(1, exposures // FILE_ROWS)
    for number in range(files):
        rows = exposures // files
        at = np.sort(rng.uniform(number, number + 1, rows // PAGE)) * DAYS / files  # days since it began
        write_file(folder, number, (rng, at, treated, spends, keys))
    (folder / "whole").touch()


def write_file(folder: Path, number: int, made: tuple) -> None:
    """One file of exposures and one of their outcomes."""
    rng, days, treated, spends, keys = made
    requests = len(days)
    user, query = rng.integers(len(treated), size=requests), rng.integers(QUERIES, size=requests)
    arm = treated[user] & (days >= PRE_DAYS)
    each = np.repeat(np.arange(requests), PAGE)
    item = rng.integers(ITEMS, size=requests * PAGE)
    ids = pa.array([rng.bytes(16) for _ in range(requests)], pa.binary(16))
    time = np.datetime64(BEGAN.replace(tzinfo=None), "us") + (days * 86_400e6).astype("timedelta64[us]")
    shown = {
        "time": pa.array(time[each]).cast(pa.timestamp("us", "UTC")),
        "request_id": pa.DictionaryArray.from_arrays(pa.array(each, pa.int32()), ids),
        "experiment_id": one_of(np.zeros(len(each), int), [EXPERIMENT["experiment_id"]]),
        "user_hash": pa.DictionaryArray.from_arrays(pa.array(user[each], pa.int32()), keys["user_hash"]),
        "assigned_arm": one_of(arm[each].astype(int), ["control", "treatment"]),
        "version": one_of(arm[each].astype(int), ["v1", "v2"]),
        "locale": one_of(query[each] % 3, ["us", "es", "jp"]),
        "query_class": one_of(np.minimum(query[each] * 3 // QUERIES, 2), ["head", "torso", "tail"]),
        "category": one_of(query[each] % 20, [f"category {n}" for n in range(20)]),
        "item_id": pa.DictionaryArray.from_arrays(pa.array(item, pa.int32()), keys["item_id"]),
        "position": pa.array(np.tile(np.arange(1, PAGE + 1), requests), pa.int32()),
    }
    table = pa.table(shown)
    again = np.flatnonzero(rng.random(len(each)) < COPIES)
    saved(pa.concat_tables([table, table.take(again)]), folder / "exposures" / f"{number:04d}.parquet")
    chance = rng.random(len(each)) / np.where(arm[each], 1 + LIFT, 1) / spends[user[each]]
    kind = np.select([chance < ORDERED, chance < ORDERED + CLICKED, chance < ORDERED + CLICKED + GRADED], [2, 1, 3], 0)
    came = np.flatnonzero(kind)
    late = pa.array((time[each][came] + rng.integers(1, 3_600_000_000, len(came)).astype("timedelta64[us]")))
    outcomes = {
        "time": late.cast(pa.timestamp("us", "UTC")),
        "request_id": table["request_id"].take(came),
        "item_id": table["item_id"].take(came),
        "kind": one_of(kind[came] - 1, ["click", "order", "grade"]),
        "revenue": pa.array(np.where(kind[came] == 2, rng.lognormal(7.5, 0.8, len(came)).astype(int), 0), pa.int64()),
        "currency": one_of(np.zeros(len(came), int), ["USD"]),
        "grade": pa.array(np.where(kind[came] == 3, rng.random(len(came)), np.nan), pa.float32(), from_pandas=True),
    }
    saved(pa.table(outcomes), folder / "outcomes" / f"{number:04d}.parquet")


def one_of(index: np.ndarray, names: list[str]) -> pa.Array:
    """Text by its place in a short list."""
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(names))


def saved(table: pa.Table, path: Path) -> None:
    """Write one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
