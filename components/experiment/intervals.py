"""Always-valid intervals by assigned arm, from users' sums. The statistics are gbstats'.

The intervals are asymptotic confidence sequences (Waudby-Smith et al., arXiv 2103.06476): they hold at every look, so
looking often promises nothing false. Ratios are linearised by user (Deng et al. 2018) and adjusted by the same ratio in
the pre-period (CUPED, Deng et al. 2013). A user's revenue is capped at a quantile of all users' revenue.
This one estimator gives the headline, every slice and every point over time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TwoSidedTTest

from components.experiment.assignment import ARMS
from components.experiment.delta_method import (
    arm_statistic,
    away_from_zero,
    delta_method_statistics,
    pooled_variance,
)
from components.experiment.sufficient_statistics import SIZE, Ratio, SufficientStatistics

MINOR_UNITS = 100  # of a currency unit: revenue is logged in cents
RPM_SCALE = 1000 / MINOR_UNITS  # from minor units an exposure to currency units a thousand exposures
RATIOS = {
    "rpm": Ratio("revenue", "exposures", RPM_SCALE),
    "rs": Ratio("grades", "graded"),
    "click_through": Ratio("clicks", "exposures"),
    "conversion": Ratio("(orders > 0)", "1", has_pre_period=False),
}
LEAST_CONTROL = 2.0  # standard errors that control's mean has to be above 0 for a relative lift


@dataclass(frozen=True)
class Level:
    """How sure an interval is: it misses the truth at any look with probability alpha.

    It is tightest at this number of `users`.
    """

    alpha: float
    users: float


@dataclass(frozen=True)
class LiftInterval:
    """Treatment over control: a relative lift, or a difference in the metric's unit."""

    estimate: float
    low: float
    high: float
    p_value: float
    fixed_low: float  # of a test at one look only
    fixed_high: float
    difference_type: str  # relative or absolute
    control: float  # control's mean, in the metric's unit

    @property
    def half_width(self) -> float:
        """Return how far the interval reaches to each side."""
        return (self.high - self.low) / 2

    @property
    def is_relative(self) -> bool:
        """Tell whether the lift is a share of control's mean."""
        return self.difference_type == "relative"

    def exceeds(self, minimum_effect: float) -> bool:
        """Tell whether the lift is above a relative effect, whatever its scale."""
        return self.low > (minimum_effect if self.is_relative else minimum_effect * abs(self.control))

    def to_json(self) -> dict:
        """Return the JSON object."""
        return asdict(self) | {"half_width": self.half_width}

    def __str__(self) -> str:
        if self.is_relative:
            return f"{self.estimate:+.2%}, interval {self.low:+.2%} to {self.high:+.2%}"
        return f"{self.estimate:+.3f}, interval {self.low:+.3f} to {self.high:+.3f} (absolute)"


def relative_lift(
    arms: Mapping[str, SufficientStatistics], level: Level, scale: float = 1.0, is_absolute: bool = False
) -> LiftInterval | None:
    """Estimate treatment's lift over control with its always-valid interval.

    It is None where `no_lift_reason` says why. Where control's mean is below or near zero, a relative lift has no
    meaning and the difference is given, in the unit that `scale` leads to.
    """
    if no_lift_reason(arms):
        return None
    control = arm_statistic(arms["control"], np.zeros(SIZE)).post_statistic
    is_near_zero = control.mean <= LEAST_CONTROL * control.stddev / np.sqrt(control.n)
    if is_absolute or is_near_zero:
        return to_unit(interval(away_from_zero(delta_method_statistics(arms)), level, "absolute"), scale, control.mean)
    lift = interval(delta_method_statistics(arms), level, "relative")
    return replace(lift, control=control.mean * scale)


def no_lift_reason(arms: Mapping[str, SufficientStatistics]) -> str:
    """Return why no lift can be drawn, '' where one can."""
    for arm in ARMS:
        if arm not in arms or arms[arm].users < 2 or not arms[arm].sums[1]:
            return f"there are too few users in {arm}"
    if not any(arms[arm].active_users for arm in ARMS):
        return "nothing was counted in either arm"
    if pooled_variance(arms) <= 0:
        return "all users are alike"
    return ""


def interval(statistics: tuple, level: Level, difference_type: str) -> LiftInterval:
    """Return the always-valid interval, and the fixed-horizon one for comparison."""
    kind = {"difference_type": difference_type, "alpha": level.alpha}
    config = SequentialConfig(sequential_tuning_parameter=level.users, **kind)
    with np.errstate(over="ignore"):  # of a p-value's inverse, which is then 0
        sequential = SequentialTwoSidedTTest(*statistics, config).compute_result()
    at_one_look = TwoSidedTTest(*statistics, FrequentistConfig(**kind)).compute_result()
    low, high = map(float, sequential.ci)
    fixed_low, fixed_high = map(float, at_one_look.ci)
    return LiftInterval(
        estimate=float(sequential.expected),
        low=low,
        high=high,
        p_value=float(sequential.p_value),
        fixed_low=fixed_low,
        fixed_high=fixed_high,
        difference_type=difference_type,
        control=0.0,
    )


def to_unit(lift: LiftInterval, scale: float, control: float) -> LiftInterval:
    """Return an absolute difference in the metric's unit."""
    names = ("estimate", "low", "high", "fixed_low", "fixed_high")
    return replace(lift, control=control * scale, **{name: getattr(lift, name) * scale for name in names})
