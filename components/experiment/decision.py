"""The decision of a look: interleave, ramp, continue, promote, roll back or inconclusive, from its figures alone.

No outcome is favoured: a lift that is not shown is not promoted.
"""

from components.experiment.assignment import ARMS
from components.experiment.figures import LookFigures
from components.experiment.guardrails import sells_far_less
from components.experiment.plan import ExperimentPlan
from components.experiment.preference import Preference
from components.experiment.preference_decision import decide_on_preference

Decision = tuple[str, str]  # the verdict's word and its reason


def decide(figures: LookFigures, plan: ExperimentPlan, preference: Preference | None = None) -> Decision:
    """Return the verdict and its reason. A preference is there while pages are interleaved."""
    if preference:
        return decide_on_preference(preference, figures, plan)
    if figures.share and figures.guardrails.breaches:
        return "roll back", "; ".join(figures.guardrails.breaches)
    if figures.is_paused:
        return "continue", "a person has paused the experiment: until it is resumed, guardrails alone can end it"
    if figures.share == 0:
        return _leave_dark(figures, plan)
    is_final = figures.share >= plan.shares[-1]
    has_enough = min(figures.users.get(arm, 0) for arm in ARMS) >= plan.minimum_users
    if problem := validity_problem(figures, plan, has_enough or not is_final):
        return "inconclusive", problem
    return _measure(figures, plan, has_enough) if is_final else _ramp(figures, plan)


def _leave_dark(figures: LookFigures, plan: ExperimentPlan) -> Decision:
    users = sum(figures.users.values())
    next_share = plan.next_share(figures.share)
    if users >= plan.ramp_users and figures.elapsed_s >= plan.ramp_seconds and next_share:
        if plan.interleaved_share and not figures.was_interleaved:
            share = f"{plan.interleaved_share:.0%}"
            return "interleave", f"the pre-period saw {users:,} users: on to interleaved pages for {share} of them"
        return "ramp", f"the pre-period saw {users:,} users: on to {next_share:.0%}"
    progress = f"{users:,} users of {plan.ramp_users:,}, {_time_spent(figures, plan.ramp_seconds)}"
    return "continue", f"the pre-period saw {progress}"


def _ramp(figures: LookFigures, plan: ExperimentPlan) -> Decision:
    """Decide between dark and the last share, where only the guardrails speak."""
    users = sum(figures.users.values())
    if users >= plan.ramp_users and figures.elapsed_s >= plan.ramp_seconds:
        return "ramp", f"nothing is wrong at {figures.share:.0%}: on to {plan.next_share(figures.share):.0%}"
    if figures.looks >= plan.maximum_looks:
        return "inconclusive", f"too little traffic to go on {_effort(figures)} at {figures.share:.0%}"
    progress = f"{users:,} users of {plan.ramp_users:,}, {_time_spent(figures, plan.ramp_seconds)}"
    return "continue", f"{figures.share:.0%} has seen {progress}"


def _measure(figures: LookFigures, plan: ExperimentPlan, has_enough: bool) -> Decision:
    """Decide under the last share, where the lift does."""
    has_dwelt = figures.elapsed_s >= plan.dwell_seconds
    lift = figures.rpm_lift
    if has_enough and lift and lift.high < 0:
        return "roll back", f"RPM is lower: {describe_lift(figures)}"
    if has_enough and has_dwelt and lift and lift.exceeds(plan.minimum_effect_rpm):
        return "promote", f"RPM is higher by more than {plan.minimum_effect_rpm:.2%}: {describe_lift(figures)}"
    if figures.looks >= plan.maximum_looks or sum(figures.users.values()) >= plan.horizon_users:
        return "inconclusive", f"no answer {_effort(figures)}: {describe_lift(figures)}{_detectable(figures)}"
    if not has_enough:
        problem = f"; {describe_lift(figures)}" if _lacks_sales(figures) else ""
        return "continue", f"{_sizes(figures)}; {plan.minimum_users:,} in each are needed{problem}"
    if not has_dwelt:
        return "continue", f"{describe_lift(figures)}; {_time_spent(figures, plan.dwell_seconds)}"
    return "continue", f"no answer yet: {describe_lift(figures)}"


def validity_problem(figures: LookFigures, plan: ExperimentPlan, has_enough: bool) -> str:
    """Return why the figures cannot be trusted, '' where they can."""
    users = sum(figures.users.values())
    if figures.disagreements > plan.maximum_disagreement_rate * users:
        return f"{figures.disagreements:,} logged arms are not what the users' hashes say: check the callers"
    if figures.srm_p_value < plan.srm_alpha:
        return f"{_sizes(figures)} do not fit a share of {figures.share:.0%}: sample ratio mismatch"
    if not has_enough:
        return ""
    for arm, rate in figures.crossover.items():
        if rate > plan.crossover_limit:
            return f"{rate:.2%} of {arm}'s exposures were answered by another version"
    return figures.log_quality.problem(plan) or _lost_control_orders(figures, plan)


def _lost_control_orders(figures: LookFigures, plan: ExperimentPlan) -> str:
    """Return why control's missing orders look like a fault of the logs, or ''."""
    control = figures.arms.get("control")
    treatment = figures.arms.get("treatment")
    if not control or not treatment or control.orders or not treatment.orders:
        return ""
    is_higher = figures.rpm_lift is not None and figures.rpm_lift.low > 0
    if not is_higher and not sells_far_less(control, treatment, plan):
        return ""
    counts = f"control sold nothing among {control.users:,} users while treatment sold {treatment.orders:,}"
    return f"{counts}: check whether control's orders are logged"


def _lacks_sales(figures: LookFigures) -> bool:
    """Tell whether users of both arms were seen and nothing sold counts."""
    return not figures.rpm_lift and min(figures.users.get(arm, 0) for arm in ARMS) > 0


def describe_lift(figures: LookFigures) -> str:
    """Return the lift in words, or why there is none."""
    lift = figures.rpm_lift
    if not lift:
        return f"no interval can be drawn: {figures.no_lift_reason}"
    if lift.is_relative:
        return f"lift {lift.estimate:+.2%}, interval {lift.low:+.2%} to {lift.high:+.2%}"
    span = f"difference {lift.estimate:+.3f}, interval {lift.low:+.3f} to {lift.high:+.3f}"
    return f"{span} (absolute: control's RPM, {lift.control:.3f}, is below or near zero)"


def _detectable(figures: LookFigures) -> str:
    lift = figures.rpm_lift
    if not lift:
        return ""
    size = f"lifts above {lift.half_width:.2%}" if lift.is_relative else f"differences above {lift.half_width:.3f}"
    return f"; only {size} could have been detected"


def _time_spent(figures: LookFigures, seconds: float) -> str:
    return f"{figures.elapsed_s:,.0f} s of {seconds:,.0f}"


def _effort(figures: LookFigures) -> str:
    looks = "1 look" if figures.looks == 1 else f"{figures.looks:,} looks"
    return f"after {looks} and {sum(figures.users.values()):,} users"


def _sizes(figures: LookFigures) -> str:
    return " and ".join(f"{figures.users.get(arm, 0):,} users in {arm}" for arm in ARMS)
