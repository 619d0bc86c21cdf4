"""What voids a comparison: a coin that favours one side, and no clicks at all."""

import numpy as np
import pytest

from components.experiment.coin_test import CoinCounts, check_coin
from components.experiment.confidence_sequence import MeanSums

EVEN = MeanSums(1000, 0.0, 400.0, 1.0)


def test_a_fair_coin_is_left_alone():
    assert check_coin(CoinCounts(1000, 520, EVEN, EVEN), 0.001, 700).problem == ""


def test_a_coin_of_sixty_percent_is_named():
    coin = check_coin(CoinCounts(1000, 600, EVEN, EVEN), 0.001, 700)
    assert coin.problem.startswith("stable comes first for 60.0% of the users, where a fair coin gives 50%")


@pytest.mark.parametrize(("side", "word"), [(1, "higher"), (-1, "lower")])
def test_items_that_stand_higher_are_named(side, word):
    ranks = MeanSums(1000, side * 150.0, 400.0, 1.0)
    assert (
        f"the candidate's items stand {word} than stable's"
        in check_coin(CoinCounts(1000, 500, EVEN, ranks), 0.001, 700).problem
    )


def test_more_items_of_one_side_are_named():
    impressions = MeanSums(1000, -200.0, 400.0, 1.0)
    problem = check_coin(CoinCounts(1000, 500, impressions, EVEN), 0.001, 700).problem
    assert problem.startswith("the candidate has -0.200 items more than stable a user")


def test_a_share_that_fits_three_users_is_fair():
    small = MeanSums(3, 3.0, 3.0, 1.0)
    assert check_coin(CoinCounts(3, 3, small, small), 0.001, 700).problem == ""


def test_three_hundred_million_users_are_tested():
    users = 300_000_000
    even = MeanSums(users, 0.0, 0.4 * users, 1.0)
    assert check_coin(CoinCounts(users, users // 2 + 8_000, even, even), 0.001, 700).problem == ""
    assert check_coin(CoinCounts(users, users // 2 + 150_000, even, even), 0.001, 700).problem != ""


def test_no_user_has_no_coin():
    coin = check_coin(CoinCounts(0, 0, MeanSums(0, 0, 0, 0), MeanSums(0, 0, 0, 0)), 0.001, 700)
    assert (coin.stable_first_share, coin.stable_first_p_value, coin.problem) == (None, 1.0, "")


def test_fair_coins_are_hardly_ever_doubted():
    rng = np.random.default_rng(4)
    voided = 0
    for _ in range(500):
        ranks = rng.choice([-1, 1], (400, 3)) @ [0.5, 0.08, 0.03]
        coins = CoinCounts(400, int(rng.binomial(400, 0.5)), EVEN, MeanSums.from_numbers(ranks))
        voided += bool(check_coin(coins, 0.001, 700).problem)
    assert voided <= 3  # half a time is expected at most
