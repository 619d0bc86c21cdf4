"""Users' sums of a look: all statistics are read from here, with revenue capped alike.

Symbols: U users, V values of a slice or cuts of time; n, d, p, q as in `sufficient_statistics`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from components.experiment.assignment import ARMS
from components.experiment.dense_sums import Arms, Chunk
from components.experiment.sql import text, thread_setting
from components.experiment.sufficient_statistics import COLUMNS, Ratio, from_row, select_sums

NO_CAP = 1e300
CHUNK_USERS = 500_000  # whose dense sums are in memory at a time
CUT = "cut"
SO_FAR = "so far"


@dataclass(frozen=True)
class UserSums:
    """The views `users` and `cells`, a row a user, cut of time and slice."""

    db: duckdb.DuckDBPyConnection
    cap: float  # of a user's revenue, minor units

    def ratio_statistics(self, ratios: Mapping[str, Ratio]) -> dict[str, Arms]:
        """Return the statistics of each ratio by arm."""
        sums = ", ".join(select_sums(ratio.columns) for ratio in ratios.values())
        statistics: dict[str, Arms] = {name: {} for name in ratios}
        for arm, *numbers in self.db.execute(f"SELECT arm, {sums} FROM users GROUP BY arm ORDER BY arm").fetchall():
            for index, name in enumerate(ratios):
                statistics[name][arm] = from_row(numbers[index * COLUMNS : (index + 1) * COLUMNS])
        return statistics

    def arm_totals(self) -> list[dict]:
        """Return each arm's counts and sums."""
        counts = ("exposures", "clicks", "orders", "refunds", "graded")
        columns = ["count(*) AS users", "count(*) FILTER (orders > 0) AS buyers"]
        columns += [f"sum({name})::BIGINT AS {name}" for name in counts]
        columns += [f"sum({name}) AS {name}" for name in ("revenue", "refunded", "grades")]
        query = f"SELECT arm, {', '.join(columns)} FROM users GROUP BY arm ORDER BY arm"
        return self.db.sql(query).to_arrow_table().to_pylist()

    def count_users_with_pre_period(self) -> int:
        """Count the users that were seen before the arms differed."""
        return self.db.execute("SELECT count(*) FROM users WHERE pre_exposures > 0").fetchall()[0][0]

    def largest_groups(self, limits: Mapping[str, int]) -> dict[str, list]:
        """Return each dimension's values with the most exposures, up to its limit."""
        names = list(limits)
        sets = ", ".join(f"({name})" for name in names)
        query = f"""SELECT {", ".join(names)}, sum(exposures) AS total FROM cells GROUP BY GROUPING SETS ({sets})
            ORDER BY total DESC, {", ".join(names)}"""
        groups = {name: [] for name in names}
        for *values, _ in self.db.execute(query).fetchall():
            for name, value in zip(names, values, strict=True):
                if value is not None and len(groups[name]) < limits[name]:
                    groups[name].append(value)
        return groups

    def group_statistics(self, groups: Mapping[str, list]) -> dict[str, list[Arms]]:
        """Return the statistics of RPM of each dimension's values.

        Those of all traffic up to each cut are returned as SO_FAR."""
        (count,) = self.db.execute("SELECT coalesce(max(user_id), -1) + 1 FROM users").fetchall()[0]
        query = number_groups(self.db, groups)
        total: dict[str, list[Arms]] = {}
        for start in range(0, count, CHUNK_USERS):
            chunk = read_chunk(self.db, query, start)
            for name, values in groups.items():
                add_groups(total, name, chunk.statistics(name, len(values)))
                if name == CUT:
                    add_groups(total, SO_FAR, chunk.statistics_so_far(name, len(values)))
        return {name: total.get(name, []) for name in (*groups, SO_FAR)}


def add_groups(total: dict[str, list[Arms]], name: str, groups: list[Arms]) -> None:
    """Add a chunk's statistics to those of the same groups."""
    if name in total:
        groups = [add_arms(before, more) for before, more in zip(total[name], groups, strict=True)]
    total[name] = groups


def add_arms(arms: Arms, others: Arms) -> Arms:
    """Add the statistics of the same arms."""
    return {arm: arms[arm] + others[arm] for arm in ARMS}


def number_groups(db: duckdb.DuckDBPyConnection, groups: Mapping[str, list]) -> str:
    """Return SQL that numbers each dimension's values, -1 for those that are not named."""
    columns = []
    for name, values in groups.items():
        db.execute(f"CREATE OR REPLACE TEMP TABLE numbers_{name} (value VARCHAR, number INT)")
        rows = [[str(value), number] for number, value in enumerate(values)]
        if rows:
            db.executemany(f"INSERT INTO numbers_{name} VALUES (?, ?)", rows)
        columns.append(f"coalesce(numbers_{name}.number, -1) AS {name}")
    joins = [f"LEFT JOIN numbers_{name} ON cells.{name}::VARCHAR = numbers_{name}.value" for name in groups]
    return f"SELECT user_id, revenue, exposures, {', '.join(columns)} FROM cells {' '.join(joins)}"


def read_chunk(db: duckdb.DuckDBPyConnection, numbers: str, start: int) -> Chunk:
    """Read the users from number `start` on, and their cells."""
    condition = f"WHERE user_id >= {start} AND user_id < {start + CHUNK_USERS}"
    columns = "user_id, (arm = 'treatment')::INT AS is_treated, pre_revenue, pre_exposures"
    users = db.sql(f"SELECT {columns} FROM users {condition}").fetchnumpy()
    return Chunk(users, db.sql(f"{numbers} {condition}").fetchnumpy(), start)


@contextmanager
def open_user_sums(folder: Path, cap_quantile: float) -> Iterator[UserSums]:
    """Read users.parquet and cells.parquet with revenue capped at a quantile of spending users' revenue.

    A capped user's revenue is cut by the same factor in all cells, so that slices add up to the headline.
    """
    with duckdb.connect() as db:
        db.execute(f"{thread_setting()}; CREATE VIEW uncapped AS FROM {text(folder / 'users.parquet')}")
        cap = revenue_cap(db, cap_quantile)
        revenue = f"{cap_sql('revenue', cap)} AS revenue, {cap_sql('pre_revenue', cap)} AS pre_revenue"
        db.execute(f"CREATE VIEW users AS SELECT * REPLACE ({revenue}) FROM uncapped")
        outspender = f"user_id, {cap!r} / abs(revenue) AS factor"
        db.execute(f"CREATE TABLE outspenders AS SELECT {outspender} FROM uncapped WHERE abs(revenue) > {cap!r}")
        db.execute(
            f"""CREATE VIEW cells AS SELECT c.* REPLACE (revenue * coalesce(factor, 1) AS revenue)
                FROM {text(folder / "cells.parquet")} c LEFT JOIN outspenders USING (user_id)"""
        )
        yield UserSums(db, cap)


def revenue_cap(db: duckdb.DuckDBPyConnection, quantile: float) -> float:
    """Return this quantile of the revenue of users who spent anything, NO_CAP without any."""
    cap = db.execute("SELECT quantile_cont(revenue, ?) FROM uncapped WHERE revenue > 0", [quantile]).fetchall()[0][0]
    return float(cap) if cap is not None else NO_CAP


def cap_sql(column: str, cap: float) -> str:
    """Return SQL for revenue between -cap and cap."""
    return f"greatest(least({column}, {cap!r}), -{cap!r})"
