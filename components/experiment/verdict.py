"""What an experiment says: the figures of one look, whether they can be trusted, and one decision in plain words.

No outcome is favoured: a lift that is not shown is not promoted.
"""

from pathlib import Path

from components.experiment import slices
from components.experiment.intervals import RATIOS, Level, compared, conversion, described, moments, revenue_cap
from components.experiment.logs import moment
from components.experiment.plan import ExperimentPlan
from components.experiment.srm import mismatch

RATES = ("error_rate", "missing_features_rate", "null_result_rate")


def judge(folder: Path, evidence: dict, plan: ExperimentPlan) -> dict:
    """All figures of one look and the decision they lead to; the word is `none` where no experiment runs."""
    if not evidence["experiment_id"]:
        return {"verdict": "none", "reason": "no experiment is running", "experiment_id": "", "figures": {}}
    figures = figures_of(folder, evidence, plan)
    word, reason = decide(figures, plan)
    next_share = plan.shares[figures["stage"] + 1] if word == "ramp" else figures["share"]
    return {"verdict": word, "reason": reason, "next_share": next_share, "figures": figures} | evidence


def figures_of(folder: Path, evidence: dict, plan: ExperimentPlan) -> dict:
    """What is seen at one look, from the sums in `folder` (users.parquet, buckets.parquet) and the evidence."""
    level = Level(plan.alpha, plan.tuning_users)
    cap = revenue_cap(folder / "users.parquet", plan.revenue_cap_quantile)
    arms = moments(folder / "users.parquet", cap)
    users = {arm: known.users for arm, known in arms.items()}
    last, total = evidence["stages"][-1], sum(users.values())
    cumulative, by_cut = slices.over_time(folder / "buckets.parquet", total, level)
    metrics = {name: compared(arms, name, level) for name in RATIOS} | {"conversion": conversion(arms, level)}
    return {
        "share": last["share"],
        "stage": len(evidence["stages"]) - 1,
        "elapsed_s": (moment(evidence["now"]) - moment(last["started"])).total_seconds(),
        "looks": evidence["looks"] + 1,
        "paused": bool(evidence.get("paused")),
        "users": users,
        "arms": {arm: described(known) for arm, known in arms.items()},
        "rpm_lift": metrics["rpm"],
        "metrics": metrics,
        "pre_period_rpm_lift": compared({arm: known.before for arm, known in arms.items()}, "rpm", level),
        "revenue_cap": cap if cap < 1e300 else None,
        "over_time": cumulative,
        "by_cut": by_cut,
        "slices": slices.by_slice(folder / "buckets.parquet", total, level),
        "srm_p_value": mismatch(users, last["share"]),
        "disagreements": evidence["disagreements"],
        "crossover": evidence["crossover"],
        "guardrails": guardrails(evidence["requests"], evidence["versions"], plan),
    }


def decide(figures: dict, plan: ExperimentPlan) -> tuple[str, str]:
    """One of ramp, continue, promote, roll back, inconclusive, and why: from the figures of a look alone."""
    if figures["share"] and figures["guardrails"]["breaches"]:
        return "roll back", "; ".join(figures["guardrails"]["breaches"])
    if figures["paused"]:
        return "continue", "a person has paused the experiment: until it is resumed, guardrails alone can end it"
    if figures["share"] == 0:
        return _leave_dark(figures, plan)
    final = figures["share"] >= plan.shares[-1]
    enough = min(figures["users"].get(arm, 0) for arm in ("control", "treatment")) >= plan.minimum_users
    if mistrust := _mistrust(figures, plan, enough or not final):
        return "inconclusive", mistrust
    return _measured(figures, plan, enough) if final else _ramp(figures, plan)


def _ramp(figures: dict, plan: ExperimentPlan) -> tuple[str, str]:
    """Between dark and measured only the guardrails speak."""
    users = sum(figures["users"].values())
    if users >= plan.ramp_users and figures["elapsed_s"] >= plan.ramp_seconds:
        return "ramp", f"nothing is wrong at {figures['share']:.0%}: on to {plan.shares[figures['stage'] + 1]:.0%}"
    if figures["looks"] >= plan.maximum_looks:
        return "inconclusive", f"{_spent(figures, plan)} at {figures['share']:.0%}, too little traffic to go on"
    return (
        "continue",
        f"{figures['share']:.0%} has seen {users:,} users of {plan.ramp_users:,}, {_dwelt(figures, plan.ramp_seconds)}",
    )


def _measured(figures: dict, plan: ExperimentPlan, enough: bool) -> tuple[str, str]:
    """Under the last share the lift decides."""
    dwelt, lift = figures["elapsed_s"] >= plan.dwell_seconds, figures["rpm_lift"]
    if enough and lift and lift["high"] < 0:
        return "roll back", f"RPM is lower: {_interval(lift)}"
    if enough and dwelt and lift and lift["low"] > plan.minimum_effect_rpm:
        return "promote", f"RPM is higher by more than {plan.minimum_effect_rpm:.2%}: {_interval(lift)}"
    if figures["looks"] >= plan.maximum_looks or sum(figures["users"].values()) >= plan.horizon_users:
        seen = f"; a lift of {lift['half_width']:.2%} could have been told from none" if lift else ""
        return "inconclusive", f"{_spent(figures, plan)} without an answer: {_interval(lift)}{seen}"
    if enough and not dwelt:
        return "continue", f"{_interval(lift)}; {_dwelt(figures, plan.dwell_seconds)}"
    return "continue", f"no answer yet: {_interval(lift)}" if enough else _too_few(figures, plan)


def _leave_dark(figures: dict, plan: ExperimentPlan) -> tuple[str, str]:
    users = sum(figures["users"].values())
    if users >= plan.ramp_users and figures["elapsed_s"] >= plan.ramp_seconds and len(plan.shares) > 1:
        return "ramp", f"the pre-period saw {users:,} users: on to {plan.shares[1]:.0%}"
    return (
        "continue",
        f"the pre-period saw {users:,} users of {plan.ramp_users:,}, {_dwelt(figures, plan.ramp_seconds)}",
    )


def _dwelt(figures: dict, seconds: float) -> str:
    return f"{figures['elapsed_s']:,.0f} s of {seconds:,.0f}"


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
    rise = {name: candidate[name] - stable[name] for name in RATES}
    ratio = candidate["latency_p99_ms"] / stable["latency_p99_ms"] if stable["latency_p99_ms"] else 1.0
    breaches = []
    if rise["error_rate"] > plan.maximum_error_rate_rise:
        breaches.append(f"the candidate's error rate is higher by {rise['error_rate']:.2%}")
    if ratio > plan.maximum_p99_ratio:
        breaches.append(f"the candidate's p99 latency is {ratio:.2f} times that of stable")
    if rise["missing_features_rate"] > plan.maximum_missing_features_rise:
        breaches.append(f"the candidate misses features in {rise['missing_features_rate']:.2%} more requests")
    if rise["null_result_rate"] > plan.maximum_null_results_rise:
        breaches.append(f"the candidate answers {rise['null_result_rate']:.2%} more requests with nothing")
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
