"""Ratios of totals as means of users' values (Deng et al. 2018), adjusted by the pre-period (CUPED, Deng et al. 2013).

Symbols as in `sufficient_statistics`: n, d a user's numerator and denominator; p, q the same in the pre-period.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from gbstats.models.statistics import RegressionAdjustedStatistic, SampleMeanStatistic, compute_theta

from components.experiment.assignment import ARMS
from components.experiment.sufficient_statistics import SIZE, SufficientStatistics

FEW_USERS = 10  # with a value other than 0, below which an arm's own variance is not trusted
PRE = slice(SIZE // 2, SIZE)


def delta_method_statistics(arms: Mapping[str, SufficientStatistics]) -> tuple:
    """Return control's and treatment's statistic, adjusted by the pre-period where there is one.

    An arm with hardly any value, or with constant ones, takes the variance of both arms together where that is larger,
    for its own says too little. No adjustment is made then.
    """
    raw = tuple(arm_statistic(arms[arm], covariate_weights(arms)) for arm in ARMS)
    if any(map(has_poor_variance, arms.values())):
        return tuple(widen(statistic.post_statistic, pooled_variance(arms)) for statistic in raw)
    theta = compute_theta(*raw) if all(statistic.pre_statistic.variance > 0 for statistic in raw) else 0.0
    if theta in (0, None):
        return tuple(statistic.post_statistic for statistic in raw)
    return tuple(replace(statistic, theta=theta) for statistic in raw)


def has_poor_variance(arm: SufficientStatistics) -> bool:
    """Tell whether an arm has few users with a value, or constant values."""
    return arm.active_users < FEW_USERS or arm_statistic(arm, np.zeros(SIZE)).post_statistic.variance <= 0


def pooled_variance(arms: Mapping[str, SufficientStatistics]) -> float:
    """Return the variance of a user's linearised ratio around the ratio of both arms together."""
    total = arms["control"] + arms["treatment"]
    weights = linearisation(total.sums[0], total.sums[1], total.users)
    return max(float(weights @ total.products[:2, :2] @ weights), 0.0) / (total.users - 1)


def linearisation(numerator: float, denominator: float, users: int) -> np.ndarray:
    """Return the weights (2,) of n and d in (n - R d) / mean(d)."""
    return np.array([1, -numerator / denominator]) / (denominator / users)


def covariate_weights(arms: Mapping[str, SufficientStatistics]) -> np.ndarray:
    """Return the weights (4,) of a user's numbers in its covariate.

    It is the pre-period's ratio, linearised alike in both arms.
    """
    total = arms["control"] + arms["treatment"]
    weights = np.zeros(SIZE)
    if total.sums[3]:
        weights[PRE] = linearisation(total.sums[2], total.sums[3], total.users)
    return weights


def arm_statistic(arm: SufficientStatistics, covariate: np.ndarray) -> RegressionAdjustedStatistic:
    """Return the statistic of users' values R + (n - R d) / mean(d).

    Their mean is the arm's ratio R. `covariate` (4,) weighs a user's numbers in what it may be adjusted by.
    """
    n = arm.users
    ratio = arm.sums[0] / arm.sums[1]
    weights = np.zeros(SIZE)
    weights[:2] = linearisation(arm.sums[0], arm.sums[1], n)
    variation = max(float(weights @ arm.products @ weights), 0.0)
    pre = float(covariate @ arm.sums)
    pre_squares = float(covariate @ arm.products @ covariate)
    return RegressionAdjustedStatistic(
        n=n,
        post_statistic=SampleMeanStatistic(n=n, sum=n * ratio, sum_squares=n * ratio**2 + variation),
        pre_statistic=SampleMeanStatistic(n=n, sum=pre, sum_squares=pre_squares),
        post_pre_sum_of_products=ratio * pre + float(weights @ arm.products @ covariate),
        theta=0.0,
    )


def widen(statistic: SampleMeanStatistic, variance: float) -> SampleMeanStatistic:
    """Return the statistic with at least this variance."""
    least = statistic.sum**2 / statistic.n + variance * (statistic.n - 1)
    return replace(statistic, sum_squares=max(statistic.sum_squares, least))


def away_from_zero(statistics: tuple) -> tuple:
    """Shift both arms alike to a mean above 0, at which gbstats gives no result."""
    control = statistics[0]
    shift = 1 + abs(control.unadjusted_mean)
    return tuple(shift_values(statistic, shift) for statistic in statistics)


def shift_values(statistic, shift: float):
    """Return a statistic of the same users with `shift` added to every value."""
    if isinstance(statistic, RegressionAdjustedStatistic):
        products = statistic.post_pre_sum_of_products + shift * statistic.pre_statistic.sum
        post = shift_values(statistic.post_statistic, shift)
        return replace(statistic, post_statistic=post, post_pre_sum_of_products=products)
    squares = statistic.sum_squares + 2 * shift * statistic.sum + statistic.n * shift**2
    return replace(statistic, sum=statistic.sum + statistic.n * shift, sum_squares=squares)


def variance_reduction(arms: Mapping[str, SufficientStatistics]) -> float:
    """Return the share of the difference's variance that the pre-period takes away."""
    statistics = delta_method_statistics(arms)
    if not all(isinstance(statistic, RegressionAdjustedStatistic) for statistic in statistics):
        return 0.0
    adjusted_variance = sum(statistic.variance / statistic.n for statistic in statistics)
    raw_variance = sum(statistic.post_statistic.variance / statistic.n for statistic in statistics)
    return 1 - adjusted_variance / raw_variance
