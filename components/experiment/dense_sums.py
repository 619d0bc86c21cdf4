"""Users' sums by slice or cut of time as arrays, and the statistics of each.

Symbols: U users, V values of a slice or cuts of time; n, d, p, q as in `sufficient_statistics`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.experiment.sufficient_statistics import SufficientStatistics

Arms = dict[str, SufficientStatistics]


@dataclass(frozen=True)
class Chunk:
    """The users of some numbers, and their cells, as columns.

    Users in control come first in all arrays of users. The sums of one value at a time are in memory.
    """

    users: Mapping[str, np.ndarray]
    cells: Mapping[str, np.ndarray]
    start: int  # the first user's number

    def statistics(self, dimension: str, size: int) -> list[Arms]:
        """Return the statistics by arm for each value, over the users with exposures."""
        return [self.sum_arms(n, d) for n, d in self.value_sums(dimension, size)]

    def statistics_so_far(self, dimension: str, size: int) -> list[Arms]:
        """Return the statistics by arm up to each value, over users with exposures so far."""
        n = np.zeros(len(self.by_arm))
        d = np.zeros(len(self.by_arm))
        groups = []
        for more_n, more_d in self.value_sums(dimension, size):
            n += more_n
            d += more_d
            groups.append(self.sum_arms(n, d))
        return groups

    def value_sums(self, dimension: str, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the users' revenue n and exposures d, (U,), of each of V values."""
        count = len(self.by_arm)
        for number in range(size):
            rows = np.flatnonzero(self.cells[dimension] == number)
            users = self.cell_users[rows]
            n = np.bincount(users, self.cells["revenue"][rows], count)
            d = np.bincount(users, self.cells["exposures"][rows], count)
            yield n, d

    def sum_arms(self, n: np.ndarray, d: np.ndarray) -> Arms:
        """Return the statistics by arm of users' n and d, (U,)."""
        is_seen = d > 0
        p, q = self.pre_period
        numbers = np.stack([n, d, p * is_seen, q * is_seen])
        control = numbers[:, : self.control_users]
        treatment = numbers[:, self.control_users :]
        return {"control": sum_users(control), "treatment": sum_users(treatment)}

    @cached_property
    def by_arm(self) -> np.ndarray:
        """Return the users' positions with those of control first, (U,)."""
        is_treated = self.users["is_treated"] > 0
        return np.concatenate([np.flatnonzero(~is_treated), np.flatnonzero(is_treated)])

    @cached_property
    def control_users(self) -> int:
        """Count the users in control."""
        return int((self.users["is_treated"] == 0).sum())

    @cached_property
    def pre_period(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the users' p and q, (U,)."""
        return self.users["pre_revenue"][self.by_arm], self.users["pre_exposures"][self.by_arm]

    @cached_property
    def cell_users(self) -> np.ndarray:
        """Return each cell's user as its place in `by_arm`."""
        last = int(self.users["user_id"].max(initial=self.start))
        rank = np.zeros(last + 1 - self.start, np.int64)
        rank[self.users["user_id"][self.by_arm] - self.start] = np.arange(len(self.by_arm))
        return rank[self.cells["user_id"] - self.start]


def sum_users(numbers: np.ndarray) -> SufficientStatistics:
    """Return the statistics of users' n, d, p, q, (4, U)."""
    users = int((numbers[1] > 0).sum())
    return SufficientStatistics(users, numbers.sum(1), numbers @ numbers.T, np.count_nonzero(numbers[0]))
