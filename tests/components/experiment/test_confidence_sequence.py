"""The always-valid interval of one mean, against integrals, the planner's boundary, and streams."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from components.experiment.confidence_sequence import (
    MeanSums,
    half_width,
    log_p_value,
    mean_interval,
    mixture_variance,
)
from components.experiment.power import Sequence


@pytest.mark.parametrize("users", [3, 100, 5_000])
def test_the_edge_is_where_evidence_is_enough(users):
    """Integrate the likelihood ratio over the mixture: it is 1 / alpha at the edge (Robbins 1970)."""
    deviation = math.sqrt(mixture_variance(0.05, 700))
    total = users * half_width(users, 0.05, 700)

    def ratio(drift):
        return math.exp(drift * total - users * drift**2 / 2) * norm.pdf(drift, 0, deviation)

    peak = total / users
    evidence, _ = quad(ratio, -12 * deviation, 12 * deviation, points=[-peak, peak], limit=500)
    assert evidence == pytest.approx(1 / 0.05, rel=1e-6)


def test_the_planner_computes_with_the_same_edge():
    looks = np.arange(1, 21)
    edges = [half_width(50 * look, 0.05, 700) * math.sqrt(50 * look) for look in looks]
    assert np.allclose(edges, Sequence(20, 0.05).boundary())


def test_the_interval_is_tightest_at_its_tuning():
    widths = {tuning: half_width(1000, 0.05, tuning) for tuning in (10, 100, 990, 1010, 10_000, 100_000)}
    assert min(widths, key=widths.get) in (990, 1010)


def test_sums_give_numpy_s_mean_and_variance():
    x = np.random.default_rng(1).normal(2, 3, 500)
    sums = MeanSums.from_numbers(x[:200]) + MeanSums.from_numbers(x[200:])
    assert sums.mean == pytest.approx(x.mean()) and sums.variance == pytest.approx(x.var(ddof=1))


def test_p_values_are_levels_at_the_edge():
    reach = half_width(400, 0.05, 300)
    sums = MeanSums(400, 400 * reach, 400 * reach**2 + 399, 1.0)  # standard deviation 1
    interval = mean_interval(sums, 0.05, 300)
    assert interval.low == pytest.approx(0, abs=1e-9) and interval.p_value == pytest.approx(0.05, rel=1e-6)


def test_three_users_give_a_wide_interval():
    interval = mean_interval(MeanSums.from_numbers([1, 0, 1]), 0.05, 3500)
    assert interval.low < -1 and interval.high > 1 and interval.p_value > 0.9


def test_three_hundred_million_users_give_numbers():
    users = 300_000_000
    sums = MeanSums(users, 0.01 * users, 0.2 * users, 1.0)
    interval = mean_interval(sums, 0.05, 0.7 * users)
    assert 0.0099 < interval.low < interval.estimate < interval.high < 0.0101
    assert interval.p_value == 0.0 and -1e6 < log_p_value(sums, 0.05, 0.7 * users) < -1e4


def test_users_who_agree_leave_some_doubt():
    interval = mean_interval(MeanSums.from_numbers([1.0] * 150), 0.05, 3500)
    assert 0 < interval.low < 1 < interval.high


@pytest.mark.parametrize("numbers", [[], [1.0], [0.0] * 500])
def test_nothing_to_compare_has_no_interval(numbers):
    assert mean_interval(MeanSums.from_numbers(numbers), 0.05, 100) is None


def test_a_look_at_every_user_keeps_the_level():
    rng = np.random.default_rng(2)
    votes = rng.choice([-1, 0, 1], size=(400, 1500), p=[0.15, 0.7, 0.15])
    users = np.arange(1, 1501)
    means = votes.cumsum(1) / users
    deviations = np.sqrt((votes**2).cumsum(1) / users - means**2)
    edges = np.array([half_width(count, 0.05, 1050) for count in users])
    rejects = (np.abs(means) > edges * deviations)[:, 99:].any(1)
    assert rejects.sum() <= 32  # 20 expected at most: 2.7 standard deviations above
