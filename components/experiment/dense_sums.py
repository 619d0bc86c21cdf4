"""Users' sums by slice or cut of time as arrays, and the statistics of each.

Symbols: U users, V values of a slice or cuts of time; n, d, p, q as in `sufficient_statistics`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from components.experiment.sufficient_statistics import SufficientStatistics

Arms = dict[str, SufficientStatistics]


@dataclass(frozen=True)
class DenseSums:
    """Users' revenue n and exposures d (V, U), and p, q (U,) of their pre-period.

    Users in control come first."""

    n: np.ndarray
    d: np.ndarray
    p: np.ndarray
    q: np.ndarray
    control_users: int

    def accumulate(self) -> "DenseSums":
        """Return the sums up to each value."""
        return replace(self, n=self.n.cumsum(0), d=self.d.cumsum(0))

    def statistics(self) -> list[Arms]:
        """Return the statistics by arm for each value, over the users with exposures."""
        groups = []
        for n, d in zip(self.n, self.d, strict=True):
            is_seen = d > 0
            numbers = np.stack([n, d, self.p * is_seen, self.q * is_seen])  # (4, U)
            control = numbers[:, : self.control_users]
            treatment = numbers[:, self.control_users :]
            groups.append({"control": sum_users(control), "treatment": sum_users(treatment)})
        return groups


def sum_users(numbers: np.ndarray) -> SufficientStatistics:
    """Return the statistics of users' n, d, p, q, (4, U)."""
    users = int((numbers[1] > 0).sum())
    return SufficientStatistics(users, numbers.sum(1), numbers @ numbers.T, np.count_nonzero(numbers[0]))


@dataclass(frozen=True)
class Chunk:
    """The users of some numbers, and their cells, as columns."""

    users: Mapping[str, np.ndarray]
    cells: Mapping[str, np.ndarray]
    start: int  # the first user's number

    def dense_sums(self, dimension: str, size: int) -> DenseSums:
        """Return the users' sums by value of a dimension."""
        is_treated = self.users["is_treated"]
        control_users = int((is_treated == 0).sum())
        count = len(is_treated)
        rank = np.zeros(int(self.users["user_id"].max(initial=self.start)) + 1 - self.start, np.int64)
        by_arm = np.argsort(is_treated, kind="stable")
        rank[self.users["user_id"][by_arm] - self.start] = np.arange(count)
        number = self.cells[dimension]
        rows = np.flatnonzero(number >= 0)
        position = number[rows] * count + rank[self.cells["user_id"][rows] - self.start]
        n = np.bincount(position, self.cells["revenue"][rows], size * count).reshape(size, count)
        d = np.bincount(position, self.cells["exposures"][rows], size * count).reshape(size, count)
        p = self.users["pre_revenue"][by_arm]
        return DenseSums(n, d, p, self.users["pre_exposures"][by_arm], control_users)
