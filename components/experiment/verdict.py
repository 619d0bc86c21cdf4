"""What an experiment says: always-valid intervals for RPM and RS by assigned arm, checks of trust, and one decision.

The intervals hold at every look (asymptotic confidence sequences of gbstats), so looking often promises nothing false.
No outcome is favoured: a lift that is not shown is not promoted.
"""

from pathlib import Path

import duckdb
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import RatioStatistic, SampleMeanStatistic
from gbstats.utils import check_srm

from components.experiment.logs import moment
from components.experiment.metrics import SLICES
from components.experiment.plan import ExperimentPlan

MINOR_UNITS = 100  # of a currency unit: revenue is logged in cents
SUMS = """SELECT arm, count(*), sum(exposures), sum(exposures * exposures), sum(revenue), sum(revenue * revenue),
    sum(revenue * exposures), sum(graded), sum(graded * graded), sum(grades), sum(grades * grades), sum(grades * graded),
    sum(clicks), sum(orders)
    FROM (SELECT user_hash, arm, sum(exposures)::DOUBLE AS exposures, sum(revenue)::DOUBLE AS revenue,
        sum(grades) AS grades, sum(graded)::DOUBLE AS graded, sum(clicks)::DOUBLE AS clicks,
        sum(orders)::DOUBLE AS orders
        FROM read_parquet(?) WHERE slice BETWEEN ? AND ? GROUP BY user_hash, arm) GROUP BY arm"""


def judge(users: Path, evidence: dict, plan: ExperimentPlan) -> dict:
    """All figures of one look and the decision they lead to; the word is `none` where no experiment runs."""
    if not evidence["experiment_id"]:
        return {"verdict": "none", "reason": "no experiment is running", "experiment_id": "", "figures": {}}
    arms = arm_sums(users, 1, SLICES)
    figures = {
        "share": evidence["stages"][-1]["share"],
        "stage": len(evidence["stages"]) - 1,
        "elapsed_s": (moment(evidence["now"]) - moment(evidence["stages"][-1]["started"])).total_seconds(),
        "looks": evidence["looks"] + 1,
        "users": {arm: sums["users"] for arm, sums in arms.items()},
        "arms": {arm: described(sums) for arm, sums in arms.items()},
        "rpm_lift": rpm_lift(arms, plan),
        "rs_difference": rs_difference(arms, plan),
        "pre_period_rpm_lift": rpm_lift(arm_sums(users, 0, 0), plan),
        "over_time": [rpm_lift(arm_sums(users, 1, cut), plan) for cut in range(1, SLICES + 1)],
        "srm_p_value": srm({arm: sums["users"] for arm, sums in arms.items()}, evidence["stages"][-1]["share"]),
        "disagreements": evidence["disagreements"],
        "crossover": evidence["crossover"],
        "guardrails": guardrails(evidence["requests"], evidence["versions"], plan),
    }
    word, reason = decide(figures, plan)
    next_share = plan.shares[figures["stage"] + 1] if word == "ramp" else figures["share"]
    return {"verdict": word, "reason": reason, "next_share": next_share, "figures": figures} | evidence


def decide(figures: dict, plan: ExperimentPlan) -> tuple[str, str]:
    """One of ramp, continue, promote, roll back, inconclusive, and why: from the figures of a look alone."""
    enough = min(figures["users"].get(arm, 0) for arm in ("control", "treatment")) >= plan.minimum_users
    dwelt = figures["elapsed_s"] >= plan.dwell_seconds
    more = figures["stage"] + 1 < len(plan.shares)
    if figures["share"] == 0:
        return _leave_pre_period(figures, plan, dwelt)
    if figures["guardrails"]["breaches"]:
        return "roll back", "; ".join(figures["guardrails"]["breaches"])
    if mistrust := _mistrust(figures, plan, enough):
        return "inconclusive", mistrust
    lift = figures["rpm_lift"]
    if enough and lift and lift["high"] < 0:
        return "roll back", f"RPM is lower: {_interval(lift)}"
    if enough and dwelt and more:
        return "ramp", f"nothing is wrong at {figures['share']:.0%}: on to {plan.shares[figures['stage'] + 1]:.0%}"
    if enough and dwelt and lift and lift["low"] > plan.minimum_effect_rpm:
        return "promote", f"RPM is higher by more than {plan.minimum_effect_rpm:.2%}: {_interval(lift)}"
    if figures["looks"] >= plan.maximum_looks or sum(figures["users"].values()) >= plan.horizon_users:
        seen = f"; a lift of {lift['half_width']:.2%} could have been told from none" if lift else ""
        return "inconclusive", f"{_spent(figures, plan)} without an answer: {_interval(lift)}{seen}"
    return "continue", f"no answer yet: {_interval(lift)}" if enough else _too_few(figures, plan)


def _leave_pre_period(figures: dict, plan: ExperimentPlan, dwelt: bool) -> tuple[str, str]:
    users = sum(figures["users"].values())
    if dwelt and users >= plan.minimum_users and figures["stage"] + 1 < len(plan.shares):
        return "ramp", f"the pre-period saw {users} users: on to {plan.shares[figures['stage'] + 1]:.0%}"
    return "continue", f"the pre-period saw {users} users of {plan.minimum_users}, {figures['elapsed_s']:.0f} s"


def _mistrust(figures: dict, plan: ExperimentPlan, enough: bool) -> str:
    """Why the figures cannot be trusted, or nothing."""
    if figures["disagreements"]:
        return f"{figures['disagreements']} logged arms are not what the users' hashes say: check the callers"
    if figures["srm_p_value"] < plan.srm_alpha:
        return (
            f"the arms' sizes {figures['users']} do not fit a share of {figures['share']:.0%} (sample ratio mismatch)"
        )
    for arm, rate in figures["crossover"].items():
        if enough and rate > plan.crossover_limit:
            return (
                f"{rate:.2%} of {arm}'s exposures were answered by another version (limit {plan.crossover_limit:.2%})"
            )
    return ""


def guardrails(requests: dict, versions: dict, plan: ExperimentPlan) -> dict:
    """Errors, latency and missing features by the version that answered; which of them break a limit."""
    stable, candidate = (requests.get(versions[arm] or "") for arm in ("control", "treatment"))
    if not stable or not candidate or min(stable["requests"], candidate["requests"]) < plan.minimum_requests:
        return {"breaches": [], "said": f"under {plan.minimum_requests} requests a version: nothing said"}
    rise = {name: candidate[name] - stable[name] for name in ("error_rate", "missing_features_rate")}
    ratio = candidate["latency_p99_ms"] / stable["latency_p99_ms"] if stable["latency_p99_ms"] else 1.0
    breaches = []
    if rise["error_rate"] > plan.maximum_error_rate_rise:
        breaches.append(f"the candidate's error rate is higher by {rise['error_rate']:.2%}")
    if ratio > plan.maximum_p99_ratio:
        breaches.append(f"the candidate's p99 latency is {ratio:.2f} times that of stable")
    if rise["missing_features_rate"] > plan.maximum_missing_features_rise:
        breaches.append(f"the candidate misses features in {rise['missing_features_rate']:.2%} more requests")
    return {"breaches": breaches, "said": "looked at", "latency_p99_ratio": ratio} | rise


def srm(users: dict[str, int], share: float) -> float:
    """p-value of the arms' sizes under the share; 1 where there is nothing to split."""
    if share in (0, 1) or not users:
        return 1.0
    return float(check_srm([users.get("control", 0), users.get("treatment", 0)], [1 - share, share]))


def arm_sums(users: Path, first: int, last: int) -> dict[str, dict]:
    """By arm, over its users' totals in slices `first` to `last`: the sums that the statistics are made of."""
    names = (
        "users",
        "n",
        "nn",
        "revenue",
        "revenue2",
        "revenue_n",
        "graded",
        "graded2",
        "grades",
        "grades2",
        "grades_n",
    )
    names += ("clicks", "orders")
    with duckdb.connect() as db:
        rows = db.execute(SUMS, [str(users), first, last]).fetchall()
    return {arm: dict(zip(names, sums, strict=True)) for arm, *sums in sorted(rows)}


def described(sums: dict) -> dict:
    """One arm in words a person reads: RPM in currency units, RS, clicks and orders."""
    rpm = 1000 * sums["revenue"] / MINOR_UNITS / sums["n"] if sums["n"] else 0.0
    rs = sums["grades"] / sums["graded"] if sums["graded"] else 0.0
    counts = {"exposures": sums["n"], "clicks": sums["clicks"], "orders": sums["orders"], "graded": sums["graded"]}
    return {"users": sums["users"], "rpm": rpm, "rs": rs} | counts


def rpm_lift(arms: dict, plan: ExperimentPlan) -> dict | None:
    """Relative lift of revenue per exposure, treatment over control, with its always-valid interval."""
    return _compare(arms, ("revenue", "revenue2", "n", "nn", "revenue_n"), "relative", plan)


def rs_difference(arms: dict, plan: ExperimentPlan) -> dict | None:
    """Difference of the mean satisfaction grade, treatment minus control, with its always-valid interval."""
    return _compare(arms, ("grades", "grades2", "graded", "graded2", "grades_n"), "absolute", plan)


def _compare(arms: dict, names: tuple, difference_type: str, plan: ExperimentPlan) -> dict | None:
    if arms.keys() != {"control", "treatment"}:
        return None
    control, treatment = (_ratio(arms[arm]["users"], *(arms[arm][name] for name in names)) for arm in sorted(arms))
    config = SequentialConfig(
        alpha=plan.alpha, difference_type=difference_type, sequential_tuning_parameter=plan.horizon_users
    )
    result = SequentialTwoSidedTTest(control, treatment, config).compute_result()
    if result.error_message:
        return None
    low, high = map(float, result.ci)
    return {"estimate": float(result.expected), "low": low, "high": high, "half_width": (high - low) / 2}


def _ratio(users: int, numerator, numerator2, denominator, denominator2, product) -> RatioStatistic:
    return RatioStatistic(
        n=users,
        m_statistic=SampleMeanStatistic(n=users, sum=numerator, sum_squares=numerator2),
        d_statistic=SampleMeanStatistic(n=users, sum=denominator, sum_squares=denominator2),
        m_d_sum_of_products=product,
    )


def _interval(lift: dict | None) -> str:
    if not lift:
        return "no interval can be drawn (no revenue, or an empty arm)"
    return f"lift {lift['estimate']:+.2%}, interval {lift['low']:+.2%} to {lift['high']:+.2%}"


def _spent(figures: dict, plan: ExperimentPlan) -> str:
    return f"{figures['looks']} looks of {plan.maximum_looks} and {sum(figures['users'].values())} users"


def _too_few(figures: dict, plan: ExperimentPlan) -> str:
    return f"users by arm {figures['users']}, {plan.minimum_users} in each are needed"
