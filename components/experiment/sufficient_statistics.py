"""What the estimator needs of an arm's users: sums and products of a ratio's two columns, now and in the pre-period.

Symbols: n numerator and d denominator of a user, p and q the same in the pre-period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from components.experiment.sql import text

NO_CAP = 1e300
SIZE = 4  # n, d, p, q


@dataclass(frozen=True)
class Ratio:
    """A metric that is one total over another, as SQL over a user's row.

    `scale` leads to the unit that it is shown in.
    """

    numerator: str
    denominator: str
    scale: float = 1.0
    has_pre_period: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Return SQL for n, d, p and q."""
        if not self.has_pre_period:
            return (self.numerator, self.denominator, "0.0", "0.0")
        return (self.numerator, self.denominator, f"pre_{self.numerator}", f"pre_{self.denominator}")


@dataclass(frozen=True)
class SufficientStatistics:
    """Users, sums (4,) and products (4, 4) of their numbers, and users with n."""

    users: int
    sums: np.ndarray
    products: np.ndarray
    active_users: int

    def __add__(self, other: "SufficientStatistics") -> "SufficientStatistics":
        return SufficientStatistics(
            self.users + other.users,
            self.sums + other.sums,
            self.products + other.products,
            self.active_users + other.active_users,
        )

    @property
    def pre_period(self) -> "SufficientStatistics":
        """Return the same users' pre-period as if it were the experiment: an A/A comparison."""
        half = SIZE // 2
        sums = np.zeros(SIZE)
        products = np.zeros((SIZE, SIZE))
        sums[:half] = self.sums[half:]
        products[:half, :half] = self.products[half:, half:]
        return SufficientStatistics(self.users, sums, products, self.users)


EMPTY = SufficientStatistics(0, np.zeros(SIZE), np.zeros((SIZE, SIZE)), 0)


def from_row(users: int, active_users: int, numbers: Sequence[float]) -> SufficientStatistics:
    """Build the statistics from SQL's four sums and ten products (upper triangle)."""
    matrix = np.zeros((SIZE, SIZE))
    matrix[np.triu_indices(SIZE)] = numbers[SIZE:]
    matrix = matrix + np.triu(matrix, 1).T
    return SufficientStatistics(users, np.array(numbers[:SIZE], float), matrix, active_users)


def select_sums(columns: Sequence[str]) -> str:
    """Return SQL for users, active users, the sums of four columns and their ten products."""
    products = []
    for index, column in enumerate(columns):
        products += [f"sum({column} * {other})" for other in columns[index:]]
    sums = [f"sum({column})" for column in columns]
    return ", ".join(["count(*)", f"count(*) FILTER ({columns[0]} <> 0)", *sums, *products])


def cap_revenue(column: str, cap: float) -> str:
    """Return SQL for revenue between -cap and cap."""
    return f"greatest(least({column}, {cap!r}), -{cap!r})"


def ratio_statistics(users: Path, ratio: Ratio, cap: float) -> dict[str, SufficientStatistics]:
    """Return the statistics by arm over users.parquet, with revenue over `cap` counted as `cap`."""
    columns = [cap_revenue(name, cap) if name.endswith("revenue") else f"({name})::DOUBLE" for name in ratio.columns]
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT arm, {select_sums(columns)} FROM read_parquet({text(users)}) GROUP BY arm ORDER BY arm"
        ).fetchall()
    return {arm: from_row(count, active, numbers) for arm, count, active, *numbers in rows}


def revenue_cap(users: Path, quantile: float) -> float:
    """Return this quantile of the revenue of users who spent anything, NO_CAP without any."""
    with duckdb.connect() as db:
        query = "SELECT quantile_cont(revenue, ?) FROM read_parquet(?) WHERE revenue > 0"
        cap = db.execute(query, [quantile, str(users)]).fetchall()[0][0]
    return float(cap) if cap is not None else NO_CAP
