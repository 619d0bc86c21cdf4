"""The test by betting, against a slow oracle and every stream of a few users."""

import math
from itertools import product

import numpy as np
import pytest

from components.experiment.betting import BettingProcess


def bet_slowly(numbers, alpha, tuning):
    """Return the mean capital after each user, with every stake computed from the users before it."""
    capitals = []
    up = 1.0
    down = 1.0
    for count, x in enumerate(numbers):
        mean_square = (0.25 + sum(earlier**2 for earlier in numbers[:count])) / (count + 1)
        stake = min(math.sqrt(2 * math.log(2 / alpha) / (mean_square * tuning)), 0.5)
        up *= 1 + stake * x
        down *= 1 - stake * x
        capitals.append((up + down) / 2)
    return capitals


def test_capitals_equal_a_slow_oracle_s():
    numbers = np.random.default_rng(1).uniform(-1, 1, 300)
    capitals = np.exp(BettingProcess(0.05, 200).add(numbers))
    assert np.allclose(capitals, bet_slowly(list(numbers), 0.05, 200))


def test_batches_change_nothing():
    numbers = np.random.default_rng(2).choice([-1, 0, 1], 500)
    whole = BettingProcess(0.05, 300)
    parts = BettingProcess(0.05, 300)
    expected = whole.add(numbers)
    capitals = [parts.add(batch) for batch in (numbers[:1], numbers[1:1], numbers[1:77], numbers[77:])]
    assert np.allclose(np.concatenate(capitals), expected) and parts.p_value == pytest.approx(whole.p_value)


def test_no_stream_s_mean_capital_grows_under_zero():
    """Weigh every stream of six users by its chance: the mean capital is exactly one."""
    chances = {-0.5: 0.4, 0.0: 0.4, 1.0: 0.2}  # mean zero, and not symmetric
    total = 0.0
    for numbers in product(chances, repeat=6):
        chance = math.prod(chances[x] for x in numbers)
        total += chance * math.exp(BettingProcess(0.05, 4).add(np.array(numbers))[-1])
    assert total == pytest.approx(1)


def test_a_preference_is_found_on_either_side():
    for votes in ([1] * 60, [-1] * 60):
        bets = BettingProcess(0.05, 100)
        bets.add(np.array(votes))
        assert bets.rejects_zero and bets.p_value < 0.05


def test_a_million_equal_users_are_no_overflow():
    bets = BettingProcess(0.05, 1000)
    bets.add(np.ones(1_000_000))
    assert bets.p_value == 0.0 and math.isfinite(bets.largest_log_capital)


def test_numbers_beyond_one_are_refused():
    with pytest.raises(ValueError, match="give votes or shares, and no sums"):
        BettingProcess(0.05, 100).add(np.array([0.5, 2.0]))
    with pytest.raises(ValueError, match="bets are on numbers"):
        BettingProcess(0.05, 100).add(np.array([math.nan]))


def test_a_test_without_users_says_nothing():
    assert BettingProcess(0.05, 100).p_value == 1.0
