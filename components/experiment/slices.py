"""What the experiment did to RPM by kind of query and locale, and over time, by the estimator of the headline.

Slices are properties of the query, fixed before an arm is drawn: what an arm shows cannot move traffic between them.
Intervals by slice share one alpha (Bonferroni). Those over time are always valid as they are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from components.experiment.aggregate import DIMENSIONS
from components.experiment.assignment import ARMS
from components.experiment.intervals import RPM_SCALE, Level, LiftInterval, relative_lift
from components.experiment.sql import text, thread_setting
from components.experiment.sufficient_statistics import (
    EMPTY,
    NO_CAP,
    SufficientStatistics,
    cap_revenue,
    from_row,
    select_sums,
)

LEAST_USERS = 20  # in each arm, before anything is said of a slice
MOST_SLICES = 12  # of a dimension, by traffic


@dataclass(frozen=True)
class Slice:
    """RPM lift of one kind of query."""

    dimension: str
    slice: str
    exposures: int
    rpm_lift: LiftInterval | None

    def to_json(self) -> dict:
        """Return the JSON object."""
        lift = self.rpm_lift.to_json() if self.rpm_lift else None
        return asdict(self) | {"rpm_lift": lift}


def by_slice(folder: Path, cap: float, level: Level) -> list[Slice]:
    """Estimate each slice's RPM lift, with intervals that hold for all at once."""
    groups = []
    for dimension in DIMENSIONS:
        statistics = slice_statistics(folder, dimension, cap)
        largest = sorted(statistics, key=lambda value: -exposures(statistics[value]))[:MOST_SLICES]
        groups += [(dimension, value, statistics[value]) for value in largest if has_enough_users(statistics[value])]
    shared_level = Level(level.alpha / max(len(groups), 1), level.users)
    return [
        Slice(dimension, value or "not stated", exposures(arms), relative_lift(arms, shared_level, RPM_SCALE))
        for dimension, value, arms in groups
    ]


def has_enough_users(arms: Mapping[str, SufficientStatistics]) -> bool:
    """Tell whether a slice has users enough in each arm."""
    return len(arms) == len(ARMS) and min(arm.users for arm in arms.values()) >= LEAST_USERS


def exposures(arms: Mapping[str, SufficientStatistics]) -> int:
    """Return the exposures of all arms."""
    return int(sum(arm.sums[1] for arm in arms.values()))


def slice_statistics(folder: Path, dimension: str, cap: float) -> dict[str, dict[str, SufficientStatistics]]:
    """Return the statistics by value of a dimension and arm, from cells.parquet and users.parquet."""
    columns = ("revenue", "exposures", "pre_revenue", "pre_exposures")
    users = user_sums(folder, dimension, cap)
    query = f"SELECT value, arm, {select_sums(columns)} FROM ({users}) GROUP BY value, arm ORDER BY value, arm"
    statistics: dict[str, dict[str, SufficientStatistics]] = {}
    with duckdb.connect() as db:
        db.execute(thread_setting())
        for value, arm, count, active, *numbers in db.execute(query).fetchall():
            statistics.setdefault(value, {})[arm] = from_row(count, active, numbers)
    return statistics


def user_sums(folder: Path, dimension: str, cap: float) -> str:
    """Return SQL for users' sums by value of a dimension, with those of their pre-period.

    A capped user's revenue is cut by the same factor everywhere, so that slices add up to the headline.
    """
    factor = "1.0" if cap >= NO_CAP else f"coalesce({cap_revenue('u.revenue', cap)} / nullif(u.revenue, 0), 1.0)"
    pre_revenue = cap_revenue("u.pre_revenue", cap)
    return f"""SELECT c.value, c.arm, c.user_hash, c.revenue * {factor} AS revenue, c.exposures,
        {pre_revenue} AS pre_revenue, u.pre_exposures::DOUBLE AS pre_exposures
        FROM (SELECT user_hash, arm, {dimension} AS value, sum(revenue) AS revenue, sum(exposures)::DOUBLE AS exposures
              FROM read_parquet({text(folder / "cells.parquet")}) GROUP BY ALL) c
        JOIN read_parquet({text(folder / "users.parquet")}) u USING (user_hash)"""


def over_time(folder: Path, cap: float, level: Level) -> tuple[list[LiftInterval | None], list[LiftInterval | None]]:
    """Estimate the RPM lift up to each cut of time, and of each cut alone."""
    alone = slice_statistics(folder, "cut", cap)
    growth = cumulative_growth(folder, cap)
    cuts = sorted(growth)
    own_level = Level(level.alpha / max(len(cuts), 1), level.users)
    so_far = dict.fromkeys(ARMS, EMPTY)
    cumulative = []
    single = []
    for cut in cuts:
        so_far = {arm: so_far[arm] + growth[cut].get(arm, EMPTY) for arm in ARMS}
        cumulative.append(relative_lift(so_far, level, RPM_SCALE))
        single.append(relative_lift(alone[cut], own_level, RPM_SCALE))
    return cumulative, single


def cumulative_growth(folder: Path, cap: float) -> dict[int, dict[str, SufficientStatistics]]:
    """Return what each cut adds to an arm's statistics of all traffic so far.

    A user whose sums grow from r0 to r1 adds r1 r1 - r0 r0 to the products; a user's first cut adds its pre-period.
    """
    window = "OVER (PARTITION BY user_hash ORDER BY value)"
    totals = f"sum(revenue) {window} AS r1, sum(exposures) {window} AS d1"
    rows = f"SELECT *, {totals} FROM ({user_sums(folder, 'cut', cap)})"
    rows = f"SELECT *, r1 - revenue AS r0, d1 - exposures AS d0 FROM ({rows})"
    first = "CASE WHEN d0 = 0 THEN"
    p = "pre_revenue"
    q = "pre_exposures"
    numbers = [
        "revenue", "exposures", f"{first} {p} END", f"{first} {q} END",
        "r1 * r1 - r0 * r0", "r1 * d1 - r0 * d0", f"revenue * {p}", f"revenue * {q}",
        "d1 * d1 - d0 * d0", f"exposures * {p}", f"exposures * {q}",
        f"{first} {p} * {p} END", f"{first} {p} * {q} END", f"{first} {q} * {q} END",
    ]  # fmt: skip
    sums = ", ".join(f"coalesce(sum({number}), 0)" for number in numbers)
    active = "coalesce(sum((r1 <> 0)::INT - (d0 > 0 AND r0 <> 0)::INT), 0)"
    query = f"SELECT value, arm, count(*) FILTER (d0 = 0), {active}, {sums} FROM ({rows}) GROUP BY ALL"
    growth: dict[int, dict[str, SufficientStatistics]] = {}
    with duckdb.connect() as db:
        db.execute(thread_setting())
        for cut, arm, users, active_users, *values in db.execute(query).fetchall():
            growth.setdefault(cut, {})[arm] = from_row(users, active_users, values)
    return growth
