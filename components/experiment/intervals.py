"""Always-valid intervals by assigned arm, from users' sums; the statistics are gbstats'.

The intervals are asymptotic confidence sequences (Waudby-Smith et al., arXiv 2103.06476): they hold at every look, so
looking often promises nothing false. Ratios are linearised by user (Deng et al. 2018) and adjusted by the same ratio in
the pre-period (CUPED, Deng et al. 2013); a user's revenue is capped at a quantile of all users' revenue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
    compute_theta,
)

from components.experiment.aggregate import MEASURES as COLUMNS
from components.experiment.assignment import ARMS

MINOR_UNITS = 100  # of a currency unit: revenue is logged in cents
RATIOS = {"rpm": ("revenue", "exposures"), "rs": ("grades", "graded"), "click_through": ("clicks", "exposures")}


@dataclass(frozen=True)
class Level:
    """How sure an interval is: it misses the truth at any look with probability alpha; it is tightest at `users`."""

    alpha: float
    users: float


@dataclass(frozen=True)
class Moments:
    """Users, the sums of their numbers (2K,), and of the numbers' products (2K, 2K): the pre-period's come last."""

    users: int
    sums: np.ndarray
    products: np.ndarray
    buyers: int = 0

    @property
    def before(self) -> "Moments":
        """The same users' pre-period, as if it were the experiment: an A/A comparison."""
        half = len(COLUMNS)
        sums, products = np.zeros(2 * half), np.zeros((2 * half, 2 * half))
        sums[:half], products[:half, :half] = self.sums[half:], self.products[half:, half:]
        return Moments(self.users, sums, products)

    def of(self, name: str) -> float:
        """A column's sum."""
        return float(self.sums[COLUMNS.index(name)])


def moments(users: Path, cap: float) -> dict[str, Moments]:
    """By arm, over users.parquet of `merged`; revenue over `cap` counts as `cap`."""
    names = [*COLUMNS, *(f"pre_{name}" for name in COLUMNS)]
    capped = [f"least({name}, {cap!r})" if name.endswith("revenue") else name for name in names]
    products = [f"sum({one} * {other})" for n, one in enumerate(capped) for other in capped[n:]]
    select = ", ".join(["count(*)", "count(*) FILTER (orders > 0)", *(f"sum({one})" for one in capped), *products])
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT arm, {select} FROM read_parquet(?) GROUP BY arm ORDER BY arm", [str(users)]
        ).fetchall()
    found = {}
    for arm, count, buyers, *sums in rows:
        matrix = np.zeros((len(names), len(names)))
        matrix[np.triu_indices(len(names))] = sums[len(names) :]
        found[arm] = Moments(count, np.array(sums[: len(names)], float), np.maximum(matrix, matrix.T), buyers)
    return found


def revenue_cap(users: Path, quantile: float) -> float:
    """This quantile of the revenue of the users that spent anything, over both arms; no cap where nobody did."""
    with duckdb.connect() as db:
        query = "SELECT quantile_cont(revenue, ?) FROM read_parquet(?) WHERE revenue > 0"
        found = db.execute(query, [quantile, str(users)]).fetchall()[0][0]
    return float(found) if found is not None else 1e300


def compared(arms: Mapping[str, Moments], metric: str, level: Level) -> dict | None:
    """Treatment against control on a ratio of totals: relative lift (of rs: difference) with its always-valid interval.

    None where an arm is missing or nothing varies.
    """
    statistics = linearised(arms, metric)
    return None if statistics is None else interval(statistics, metric, level)


def linearised(arms: Mapping[str, Moments], metric: str) -> tuple | None:
    """Control's and treatment's statistic of a ratio, adjusted by the pre-period where there is one."""
    top, bottom = (COLUMNS.index(name) for name in RATIOS[metric])
    if set(arms) != set(ARMS) or any(arms[arm].users < 2 or not arms[arm].sums[bottom] for arm in ARMS):
        return None
    earlier = earlier_weights(arms, top, bottom)
    adjusted = [one_arm(arms[arm], top, bottom, earlier) for arm in ARMS]
    theta = compute_theta(*adjusted) if all(one.pre_statistic.variance > 0 for one in adjusted) else 0.0
    if theta in (0, None):
        return tuple(one.post_statistic for one in adjusted)
    for one in adjusted:
        one.theta = theta
    return tuple(adjusted)


def earlier_weights(arms: Mapping[str, Moments], top: int, bottom: int) -> np.ndarray:
    """What a user's pre-period weighs in its covariate, (2K,): all users' ratio, linearised alike in both arms."""
    half, total = len(COLUMNS), sum(known.sums for known in arms.values())
    weights = np.zeros(2 * half)
    if shown := total[half + bottom]:
        mean = shown / sum(known.users for known in arms.values())
        weights[[half + top, half + bottom]] = np.array([1, -total[half + top] / shown]) / mean
    return weights


def one_arm(known: Moments, top: int, bottom: int, earlier: np.ndarray) -> RegressionAdjustedStatistic:
    """Users' values R + (n - R d) / mean(d), whose mean is the arm's ratio R, beside their covariates."""
    n, ratio = known.users, known.sums[top] / known.sums[bottom]
    weights = np.zeros(len(known.sums))
    weights[[top, bottom]] = np.array([1, -ratio]) / (known.sums[bottom] / n)
    spread, pre = weights @ known.products @ weights, float(earlier @ known.sums)
    return RegressionAdjustedStatistic(
        n=n,
        post_statistic=SampleMeanStatistic(n=n, sum=n * ratio, sum_squares=n * ratio**2 + spread),
        pre_statistic=SampleMeanStatistic(n=n, sum=pre, sum_squares=float(earlier @ known.products @ earlier)),
        post_pre_sum_of_products=ratio * pre + float(weights @ known.products @ earlier),
        theta=0.0,
    )


def conversion(arms: Mapping[str, Moments], level: Level) -> dict | None:
    """Lift of the share of users who ordered at least once."""
    if set(arms) != set(ARMS) or any(not arms[arm].buyers for arm in ARMS):
        return None
    statistics = tuple(ProportionStatistic(n=arms[arm].users, sum=arms[arm].buyers) for arm in ARMS)
    return interval(statistics, "conversion", level)


def interval(statistics: tuple, metric: str, level: Level) -> dict | None:
    """The always-valid interval, and the fixed-horizon one for comparison, which holds at one look only."""
    kind = {"difference_type": "absolute" if metric == "rs" else "relative", "alpha": level.alpha}
    tuned = SequentialConfig(sequential_tuning_parameter=level.users, **kind)
    result = SequentialTwoSidedTTest(*statistics, tuned).compute_result()
    if result.error_message:
        return None
    fixed = TwoSidedTTest(*statistics, FrequentistConfig(**kind)).compute_result()
    low, high = map(float, result.ci)
    return {
        "estimate": float(result.expected),
        "low": low,
        "high": high,
        "half_width": (high - low) / 2,
        "p_value": float(result.p_value),
        "fixed_low": float(fixed.ci[0]),
        "fixed_high": float(fixed.ci[1]),
    }


def described(known: Moments) -> dict:
    """One arm in words a person reads: RPM in currency units, RS, rates and counts."""
    shown, graded = known.of("exposures"), known.of("graded")
    return {
        "users": known.users,
        "exposures": int(shown),
        "clicks": int(known.of("clicks")),
        "orders": int(known.of("orders")),
        "graded": int(graded),
        "rpm": 1000 * known.of("revenue") / MINOR_UNITS / shown if shown else 0.0,
        "rs": known.of("grades") / graded if graded else 0.0,
        "click_through": known.of("clicks") / shown if shown else 0.0,
        "conversion": known.buyers / known.users if known.users else 0.0,
    }
