"""What an experiment says: the figures of one look, whether they can be trusted, and one decision in plain words.

No outcome is favoured: a lift that is not shown is not promoted.
"""

from pathlib import Path

from components.experiment.intervals import arm_sums, described, rpm_lift, rs_difference, srm
from components.experiment.logs import moment
from components.experiment.metrics import SLICES
from components.experiment.plan import ExperimentPlan


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
        return f"{_sizes(figures)} do not fit a share of {figures['share']:.0%}: sample ratio mismatch"
    for arm, rate in figures["crossover"].items():
        if enough and rate > plan.crossover_limit:
            return f"{rate:.2%} of {arm}'s exposures were answered by another version"
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


def _interval(lift: dict | None) -> str:
    if not lift:
        return "no interval can be drawn (no revenue, or an empty arm)"
    return f"lift {lift['estimate']:+.2%}, interval {lift['low']:+.2%} to {lift['high']:+.2%}"


def _spent(figures: dict, plan: ExperimentPlan) -> str:
    return f"{figures['looks']} looks of {plan.maximum_looks} and {sum(figures['users'].values())} users"


def _too_few(figures: dict, plan: ExperimentPlan) -> str:
    return f"{_sizes(figures)}; {plan.minimum_users:,} in each are needed"


def _sizes(figures: dict) -> str:
    return " and ".join(f"{figures['users'].get(arm, 0):,} users in {arm}" for arm in ("control", "treatment"))
