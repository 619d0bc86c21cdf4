"""What the estimator needs of an arm's users: sums and products of a ratio's two columns, now and in the pre-period.

Symbols: n numerator and d denominator of a user, p and q the same in the pre-period.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
            names = (self.numerator, self.denominator, "0", "0")
        else:
            names = (self.numerator, self.denominator, f"pre_{self.numerator}", f"pre_{self.denominator}")
        return tuple(f"({name})::DOUBLE" for name in names)


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


def from_row(row: Sequence[float]) -> SufficientStatistics:
    """Build the statistics from SQL's users, active users, four sums and ten products (upper triangle)."""
    users, active_users, *numbers = row
    matrix = np.zeros((SIZE, SIZE))
    matrix[np.triu_indices(SIZE)] = numbers[SIZE:]
    matrix = matrix + np.triu(matrix, 1).T
    return SufficientStatistics(int(users), np.array(numbers[:SIZE], float), matrix, int(active_users))


COLUMNS = 2 + SIZE + SIZE * (SIZE + 1) // 2  # of select_sums


def select_sums(columns: Sequence[str]) -> str:
    """Return SQL for users, active users, the sums of four columns and their ten products."""
    products = []
    for index, column in enumerate(columns):
        products += [f"sum({column} * {other})" for other in columns[index:]]
    sums = [f"sum({column})" for column in columns]
    return ", ".join(["count(*)", f"count(*) FILTER ({columns[0]} <> 0)", *sums, *products])
