"""The always-valid interval of one mean: an asymptotic confidence sequence (Waudby-Smith et al., arXiv 2103.06476).

Symbols: n users, x a user's number, rho2 the variance of the mixture (equations 9 and 161).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import duckdb
import numpy as np


@dataclass(frozen=True)
class MeanSums:
    """What the interval needs of users' numbers. Sums of parts add up."""

    users: int
    total: float  # of x
    squares: float  # of x
    largest: float  # |x|

    @classmethod
    def from_numbers(cls, numbers: Sequence[float]) -> "MeanSums":
        """Sum users' numbers, (n,)."""
        x = np.asarray(numbers, float)
        return cls(len(x), float(x.sum()), float((x * x).sum()), float(abs(x).max(initial=0.0)))

    def __add__(self, other: "MeanSums") -> "MeanSums":
        largest = max(self.largest, other.largest)
        return MeanSums(self.users + other.users, self.total + other.total, self.squares + other.squares, largest)

    @property
    def mean(self) -> float:
        """Return the mean of x, 0 without users."""
        return self.total / self.users if self.users else 0.0

    @property
    def variance(self) -> float:
        """Return the variance of x.

        It is at least that of one user with |x| at its largest and all others at zero, so that users who happen to
        agree make no interval of width zero.
        """
        if self.users < 2:
            return 0.0
        spread = max(self.squares / self.users - self.mean**2, 0.0) * self.users / (self.users - 1)
        return max(spread, self.largest**2 / self.users)


def read_sums(db: duckdb.DuckDBPyConnection, number: str, source: str) -> MeanSums:
    """Return the sums of a number over the rows of a table of users."""
    x = f"({number})::DOUBLE"
    columns = f"count(*), coalesce(sum({x}), 0), coalesce(sum({x} * {x}), 0), coalesce(max(abs({x})), 0)"
    return MeanSums(*db.execute(f"SELECT {columns} FROM {source}").fetchall()[0])


@dataclass(frozen=True)
class MeanInterval:
    """A mean, its interval, and the p-value of the mean zero: valid at every look."""

    estimate: float
    low: float
    high: float
    p_value: float

    @property
    def excludes_zero(self) -> bool:
        """Tell whether the mean is above or below zero."""
        return self.low > 0 or self.high < 0

    def to_json(self) -> dict:
        """Return the JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.estimate:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


def mean_interval(sums: MeanSums, alpha: float, tuning_users: float) -> MeanInterval | None:
    """Return the interval, tightest at `tuning_users`.

    It is None where all numbers are zero or there are under two.
    """
    if not sums.variance:
        return None
    reach = half_width(sums.users, alpha, tuning_users) * math.sqrt(sums.variance)
    p_value = math.exp(min(log_p_value(sums, alpha, tuning_users), 0.0))
    return MeanInterval(sums.mean, sums.mean - reach, sums.mean + reach, p_value)


def mixture_variance(alpha: float, tuning_users: float) -> float:
    """Return rho2 that makes the interval tightest at `tuning_users`."""
    return (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tuning_users


def half_width(users: int, alpha: float, tuning_users: float) -> float:
    """Return how far the interval reaches to each side, in standard deviations of x."""
    rho2 = mixture_variance(alpha, tuning_users)
    growth = users * rho2 + 1
    return math.sqrt(2 * growth / (users**2 * rho2) * (math.log(growth) / 2 - math.log(alpha)))


def log_p_value(sums: MeanSums, alpha: float, tuning_users: float) -> float:
    """Return the logarithm of the level at which the interval just reaches zero.

    It stays a number where the p-value itself is too small for one.
    """
    rho2 = mixture_variance(alpha, tuning_users)
    growth = sums.users * rho2 + 1
    return math.log(growth) / 2 - sums.total**2 * rho2 / (2 * sums.variance * growth)
