"""A test of the mean zero by betting, valid after every user without any normal limit, for numbers in [-1, 1].

Two gamblers bet on x, one on each sign, with stakes that depend on earlier users only. Where the mean is zero the mean
of their capitals is a martingale, so that it ever reaches 1 / alpha with probability alpha at most (Waudby-Smith and
Ramdas 2024). Each user enters once, in an order that does not look at x.
"""

import math
from dataclasses import dataclass

import numpy as np

LARGEST_STAKE = 0.5  # of the capital: no single user can ruin a gambler
PRIOR_SQUARE = 0.25  # of x, as if one user had been seen


@dataclass
class BettingProcess:
    """The capitals after all users so far, as logarithms: they outgrow any number."""

    alpha: float
    tuning_users: float  # after which the stakes serve best
    users: int = 0
    squares: float = PRIOR_SQUARE
    log_up: float = 0.0
    log_down: float = 0.0
    largest_log_capital: float = 0.0

    def add(self, x: np.ndarray) -> np.ndarray:
        """Bet on the next users' numbers, (N,).

        The logarithm of the mean capital after each is returned, (N,).

        Raises:
            ValueError: a number is outside [-1, 1].
        """
        x = np.asarray(x, float)
        if not np.all(np.abs(x) <= 1):
            raise ValueError("bets are on numbers from -1 to 1: give votes or shares, and no sums")
        stakes = self._stakes(x)
        ups = self.log_up + np.log1p(stakes * x).cumsum()
        downs = self.log_down + np.log1p(-stakes * x).cumsum()
        log_capitals = np.logaddexp(ups, downs) - math.log(2)
        if len(x):
            self.log_up = float(ups[-1])
            self.log_down = float(downs[-1])
            self.largest_log_capital = max(self.largest_log_capital, float(log_capitals.max()))
        self.users += len(x)
        self.squares += float((x * x).sum())
        return log_capitals

    def _stakes(self, x: np.ndarray) -> np.ndarray:
        """Return the stake on each number, from the squares of the numbers before it."""
        squares_before = self.squares + np.concatenate([[0.0], (x * x).cumsum()[:-1]])[: len(x)]
        mean_square = squares_before / (self.users + 1 + np.arange(len(x)))
        return np.minimum(np.sqrt(2 * math.log(2 / self.alpha) / (mean_square * self.tuning_users)), LARGEST_STAKE)

    @property
    def p_value(self) -> float:
        """Return the always-valid p-value of the mean zero."""
        return math.exp(-self.largest_log_capital)

    @property
    def rejects_zero(self) -> bool:
        """Tell whether the mean capital has ever reached 1 / alpha."""
        return self.largest_log_capital >= -math.log(self.alpha)
