"""What the experiment did to RPM by kind of query, locale and category, and over time: from sums by bucket of users.

A bucket of users is one observation: users are independent, so buckets of them are, and their number does not grow.
Intervals by slice share one alpha (Bonferroni); those over time are always valid as they are.
"""

from pathlib import Path

import duckdb
import numpy as np

from components.experiment.intervals import ARMS, COLUMNS, Level, Moments, compared

LEAST_BUCKETS = 20  # with exposures, in each arm, before anything is said of a slice
MOST = 12  # slices of a dimension, by traffic


def by_slice(buckets: Path, users: int, level: Level) -> list[dict]:
    """RPM lift of each slice, with an interval that holds for all of them at once."""
    found = sums(buckets, "dimension <> 'cut'")
    shown = {key: sum(float(rows[:, 0].sum()) for rows in arms.values()) for key, arms in found.items()}
    kept = []
    for dimension in sorted({key[0] for key in found}):
        largest = sorted((key for key in found if key[0] == dimension), key=lambda key: -shown[key])
        kept += largest[:MOST]
    kept = [key for key in kept if len(ARMS) == len(found[key]) and min(map(len, found[key].values())) >= LEAST_BUCKETS]
    shared = Level(level.alpha / max(len(kept), 1), level.users)
    rows = [lift(found[key], users, shared) for key in kept]
    return [
        {"dimension": key[0], "slice": key[1] or "not stated", "exposures": int(shown[key]), "rpm_lift": row}
        for key, row in zip(kept, rows, strict=True)
    ]


def over_time(buckets: Path, users: int, level: Level) -> tuple[list[dict | None], list[dict | None]]:
    """RPM lift of all traffic up to each cut of time, and of each cut's own traffic (novelty wears off there)."""
    found = sums(buckets, "dimension = 'cut'")
    cuts = sorted((key for key in found), key=lambda key: int(key[1]))
    total = sum(float(rows[:, 0].sum()) for arms in found.values() for rows in arms.values())
    cumulative, single = [], []
    for last in range(1, len(cuts) + 1):
        arms = added([found[key] for key in cuts[:last]])
        share = sum(float(rows[:, 0].sum()) for rows in arms.values()) / total
        cumulative.append(lift(arms, max(round(users * share), 1), level))
        single.append(lift(found[cuts[last - 1]], users, Level(level.alpha / len(cuts), level.users)))
    return cumulative, single


def sums(buckets: Path, condition: str) -> dict[tuple, dict[str, np.ndarray]]:
    """By (dimension, value) and arm: the buckets' numbers, (N, K + 1), the bucket's own first of them last."""
    query = f"SELECT dimension, value, arm, bucket, {', '.join(COLUMNS)} FROM read_parquet(?) WHERE {condition}"
    found: dict[tuple, dict[str, list]] = {}
    with duckdb.connect() as db:
        for dimension, value, arm, bucket, *row in db.execute(query, [str(buckets)]).fetchall():
            found.setdefault((dimension, value), {}).setdefault(arm, []).append([*row, bucket])
    return {key: {arm: np.array(rows, float) for arm, rows in arms.items()} for key, arms in found.items()}


def added(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The same buckets' numbers of several cuts in one."""
    found = {}
    for arm in {arm for part in parts for arm in part}:
        rows = np.concatenate([part[arm] for part in parts if arm in part])
        names, place = np.unique(rows[:, -1], return_inverse=True)
        total = np.zeros((len(names), len(COLUMNS)))
        np.add.at(total, place, rows[:, :-1])
        found[arm] = np.column_stack([total, names])
    return found


def lift(arms: dict[str, np.ndarray], users: int, level: Level) -> dict | None:
    """RPM lift with buckets as the units; as tight as users would be at the same traffic."""
    if set(arms) != set(ARMS):
        return None
    buckets = sum(map(len, arms.values()))
    units = {arm: of_buckets(rows[:, :-1]) for arm, rows in arms.items()}
    return compared(units, "rpm", Level(level.alpha, level.users * buckets / max(users, buckets)))


def of_buckets(rows: np.ndarray) -> Moments:
    """Moments of buckets, which have no pre-period."""
    both = np.hstack([rows, np.zeros_like(rows)])
    return Moments(len(rows), both.sum(0), both.T @ both)
