"""What a preference makes of a release: it rejects, opens the A/B test, or promotes where the plan says so.

Guardrails come first: a candidate whose ranking is missing on too many pages, or late, is no candidate.
"""

from components.experiment.figures import LookFigures
from components.experiment.plan import ExperimentPlan
from components.experiment.preference import CANDIDATE, HARDLY_DIFFER, STABLE, VOID, Preference

MONEY = ("orders", "revenue")  # credits that forbid a promotion on preference where they speak against the candidate
ON_PREFERENCE = "promoted on preference, as the plan says: what the candidate earns was not told"


def decide_on_preference(preference: Preference, figures: LookFigures, plan: ExperimentPlan) -> tuple[str, str]:
    """Return the verdict of an interleaved look and its reason."""
    problem = ranker_problem(preference, plan)
    breaches = [problem, *figures.guardrails.breaches] if problem else figures.guardrails.breaches
    if breaches:
        return "roll back", "; ".join(breaches)
    if figures.is_paused:
        return "continue", "a person has paused the experiment: until it is resumed, guardrails alone can end it"
    users = preference.evidence.users["all"]
    if not users and figures.elapsed_s >= plan.ramp_seconds:
        return _open_test(
            figures, plan, f"no interleaved page counts after {figures.elapsed_s:,.0f} s{_explain_absence(preference)}"
        )
    is_over = users >= plan.interleaved_horizon_users or figures.elapsed_s >= plan.interleaved_seconds
    if users < plan.interleaved_minimum_users:
        progress = f"interleaved pages have seen {users:,} users of {plan.interleaved_minimum_users:,}"
        return _open_test(figures, plan, progress) if is_over else ("continue", progress)
    return _follow(preference, figures, plan, is_over)


def _follow(preference: Preference, figures: LookFigures, plan: ExperimentPlan, is_over: bool) -> tuple[str, str]:
    """Return what follows from a preference that enough users told."""
    users = preference.evidence.users["all"]
    if preference.verdict == VOID:
        return _open_test(figures, plan, f"interleaving has no verdict, for it is void: {preference.reason}")
    if preference.verdict == STABLE:
        return "roll back", f"stable's items are preferred: {preference.reason}"
    if preference.verdict == CANDIDATE:
        return _favour(preference, figures, plan, is_over)
    if preference.verdict == HARDLY_DIFFER:
        return _open_test(figures, plan, f"pages hardly differ: {preference.reason}")
    if is_over:
        return _open_test(
            figures, plan, f"which items users prefer was not told by {users:,} users: {preference.reason}"
        )
    progress = f"{users:,} users of {plan.interleaved_horizon_users:,}"
    return "continue", f"which items users prefer is not told yet, after {progress}: {preference.reason}"


def _favour(preference: Preference, figures: LookFigures, plan: ExperimentPlan, is_over: bool) -> tuple[str, str]:
    """Promote where plan, guardrails and money allow it, else open the A/B test."""
    reason = f"users prefer the candidate's items: {preference.reason}"
    if not plan.promote_on_preference:
        return _open_test(figures, plan, reason)
    for name in MONEY:
        interval = preference.intervals[name]
        if interval and interval.high < 0:
            return _open_test(figures, plan, f"{reason}; but {name} speak for stable's, {interval}")
    if not figures.guardrails.is_checked:
        reason += f"; but its guardrails are not checked: {figures.guardrails.note or 'no requests are logged'}"
        return _open_test(figures, plan, reason) if is_over else ("continue", reason)
    return "promote", f"{reason}; {ON_PREFERENCE}"


def _open_test(figures: LookFigures, plan: ExperimentPlan, reason: str) -> tuple[str, str]:
    return "ramp", f"{reason}; on to the A/B test at {plan.next_share(figures.share):.0%}"


def ranker_problem(preference: Preference, plan: ExperimentPlan) -> str:
    """Return why the candidate fails too often beside stable, '' where it does not."""
    evidence = preference.evidence
    pages = evidence.pages["all"] + evidence.fallback_pages
    failures = evidence.ranker_failures["candidate"]
    if pages < plan.minimum_requests or failures <= plan.maximum_ranker_failures * pages:
        return ""
    share = f"{failures / pages:.1%} of {pages:,} pages"
    return f"the candidate gave no ranking for {share} in time, and {plan.maximum_ranker_failures:.1%} is the limit"


def _explain_absence(preference: Preference) -> str:
    """Return which exposures were set aside, or what callers have to do."""
    set_aside = preference.evidence.set_aside
    if not set_aside:
        return ": do callers send x-arm: interleave?"
    return ": " + ", ".join(f"{count:,} exposures are set aside ({reason})" for reason, count in set_aside.items())
