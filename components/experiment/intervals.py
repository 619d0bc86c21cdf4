"""Always-valid intervals for RPM and RS by assigned arm, and the test of the arms' sizes; the statistics are gbstats'.

The intervals hold at every look (asymptotic confidence sequences), so looking often promises nothing false.
"""

from pathlib import Path

import duckdb
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import RatioStatistic, SampleMeanStatistic
from gbstats.utils import check_srm

from components.experiment.plan import ExperimentPlan

MINOR_UNITS = 100  # of a currency unit: revenue is logged in cents
SUMS = {
    "users": "count(*)",
    "exposures": "sum(exposures)",
    "exposures_squared": "sum(exposures * exposures)",
    "revenue": "sum(revenue)",
    "revenue_squared": "sum(revenue * revenue)",
    "revenue_exposures": "sum(revenue * exposures)",
    "graded": "sum(graded)",
    "graded_squared": "sum(graded * graded)",
    "grades": "sum(grades)",
    "grades_squared": "sum(grades * grades)",
    "grades_graded": "sum(grades * graded)",
    "clicks": "sum(clicks)",
    "orders": "sum(orders)",
}
PER_USER = """SELECT arm, sum(exposures)::DOUBLE AS exposures, sum(revenue)::DOUBLE AS revenue, sum(grades) AS grades,
    sum(graded)::DOUBLE AS graded, sum(clicks)::DOUBLE AS clicks, sum(orders)::DOUBLE AS orders
    FROM read_parquet(?) WHERE slice BETWEEN ? AND ? GROUP BY user_hash, arm"""
RPM = ("revenue", "revenue_squared", "exposures", "exposures_squared", "revenue_exposures")
RS = ("grades", "grades_squared", "graded", "graded_squared", "grades_graded")


def srm(users: dict[str, int], share: float) -> float:
    """p-value of the arms' sizes under the share; 1 where there is nothing to split."""
    if share in (0, 1) or not users:
        return 1.0
    return float(check_srm([users.get("control", 0), users.get("treatment", 0)], [1 - share, share]))


def arm_sums(users: Path, first: int, last: int) -> dict[str, dict]:
    """By arm, over its users' totals in slices `first` to `last`: the sums that the statistics are made of."""
    query = f"SELECT arm, {', '.join(SUMS.values())} FROM ({PER_USER}) GROUP BY arm"
    with duckdb.connect() as db:
        rows = db.execute(query, [str(users), first, last]).fetchall()
    return {arm: dict(zip(SUMS, sums, strict=True)) for arm, *sums in sorted(rows)}


def described(sums: dict) -> dict:
    """One arm in words a person reads: RPM in currency units, RS, clicks and orders."""
    rpm = 1000 * sums["revenue"] / MINOR_UNITS / sums["exposures"] if sums["exposures"] else 0.0
    rs = sums["grades"] / sums["graded"] if sums["graded"] else 0.0
    return {"rpm": rpm, "rs": rs} | {name: sums[name] for name in ("users", "exposures", "clicks", "orders", "graded")}


def rpm_lift(arms: dict, plan: ExperimentPlan) -> dict | None:
    """Relative lift of revenue per exposure, treatment over control, with its always-valid interval."""
    return _compare(arms, RPM, "relative", plan)


def rs_difference(arms: dict, plan: ExperimentPlan) -> dict | None:
    """Difference of the mean satisfaction grade, treatment minus control, with its always-valid interval."""
    return _compare(arms, RS, "absolute", plan)


def ratio(sums: dict, names: tuple[str, ...]) -> RatioStatistic:
    """One arm's ratio of totals, with the moments that its error is made of."""
    users = sums["users"]
    numerator, numerator_squared, denominator, denominator_squared, product = (sums[name] for name in names)
    return RatioStatistic(
        n=users,
        m_statistic=SampleMeanStatistic(n=users, sum=numerator, sum_squares=numerator_squared),
        d_statistic=SampleMeanStatistic(n=users, sum=denominator, sum_squares=denominator_squared),
        m_d_sum_of_products=product,
    )


def _compare(arms: dict, names: tuple, difference_type: str, plan: ExperimentPlan) -> dict | None:
    if arms.keys() != {"control", "treatment"}:
        return None
    control, treatment = (ratio(arms[arm], names) for arm in ("control", "treatment"))
    config = SequentialConfig(
        alpha=plan.alpha, difference_type=difference_type, sequential_tuning_parameter=plan.horizon_users
    )
    result = SequentialTwoSidedTTest(control, treatment, config).compute_result()
    if result.error_message:
        return None
    low, high = map(float, result.ci)
    return {"estimate": float(result.expected), "low": low, "high": high, "half_width": (high - low) / 2}
