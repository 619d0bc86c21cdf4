"""Users' sums by slice or cut of time as arrays, and the statistics of each.

Symbols: U users, V values of a slice or cuts of time; n, d, p, q as in `sufficient_statistics`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

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

    @cached_property
    def by_arm(self) -> np.ndarray:
        """Return the users' positions with those of control first, (U,)."""
        is_treated = self.users["is_treated"] > 0
        return np.concatenate([np.flatnonzero(~is_treated), np.flatnonzero(is_treated)])

    @cached_property
    def cell_users(self) -> np.ndarray:
        """Return each cell's user as its place in `by_arm`."""
        last = int(self.users["user_id"].max(initial=self.start))
        rank = np.zeros(last + 1 - self.start, np.int64)
        rank[self.users["user_id"][self.by_arm] - self.start] = np.arange(len(self.by_arm))
        return rank[self.cells["user_id"] - self.start]

    def dense_sums(self, dimension: str, size: int) -> DenseSums:
        """Return the users' sums by value of a dimension, which `cells` has by number."""
        count = len(self.by_arm)
        number = self.cells[dimension]
        rows = number >= 0
        position = number[rows] * count + self.cell_users[rows]
        return DenseSums(
            n=np.bincount(position, self.cells["revenue"][rows], size * count).reshape(size, count),
            d=np.bincount(position, self.cells["exposures"][rows], size * count).reshape(size, count),
            p=self.users["pre_revenue"][self.by_arm],
            q=self.users["pre_exposures"][self.by_arm],
            control_users=int((self.users["is_treated"] == 0).sum()),
        )
