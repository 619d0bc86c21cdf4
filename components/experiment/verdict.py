"""What an experiment says at one look: its figures from users' sums, and the decision in plain words."""

from dataclasses import dataclass, replace
from pathlib import Path

from components.experiment.decision import decide
from components.experiment.delta_method import variance_reduction
from components.experiment.figures import LogQuality, LookFigures, VarianceReduction
from components.experiment.guardrails import ArmSummary, Guardrails, check_requests, check_sales
from components.experiment.intervals import (
    MINOR_UNITS,
    RATIOS,
    RPM_SCALE,
    Level,
    no_lift_reason,
    relative_lift,
)
from components.experiment.notes import explain_missing_sales
from components.experiment.plan import ExperimentPlan
from components.experiment.preference import Preference, describe_preference
from components.experiment.records import Accounts, Evidence
from components.experiment.slices import break_down
from components.experiment.srm import srm_p_value
from components.experiment.sufficient_statistics import SufficientStatistics
from components.experiment.user_sums import NO_CAP, UserSums, open_user_sums

NO_EXPERIMENT = "no experiment is running"
ABSOLUTE = ("rs",)  # metrics whose difference is given, for they have a scale of their own


@dataclass(frozen=True)
class LookVerdict:
    """One look: the decision, the share that follows, the figures and the evidence."""

    verdict: str  # none, interleave, ramp, continue, promote, roll back or inconclusive
    reason: str
    next_share: float | None = None
    figures: LookFigures | None = None
    evidence: Evidence | None = None
    error_rate_bound: float | None = None  # of the plan; the release watches the candidate by it between looks
    preference: Preference | None = None  # while pages are interleaved
    interleaved_share: float | None = None  # of users, where the verdict is interleave

    @property
    def is_none(self) -> bool:
        """Tell whether no experiment runs."""
        return self.evidence is None

    def to_json(self) -> dict:
        """Return the flat JSON object that is stored, shown and read by the release."""
        document = {"verdict": self.verdict, "reason": self.reason}
        if self.is_none:
            return document | {"experiment_id": "", "figures": {}}
        evidence = self.evidence.to_json()
        shares = {"next_share": self.next_share, "interleaved_share": self.interleaved_share}
        document |= shares | {"error_rate_bound": self.error_rate_bound}
        if self.preference:
            evidence["preference"] = describe_preference(self.preference, self.evidence)
        return document | {"figures": self.figures.to_json()} | evidence


def evaluate_look(
    folder: Path, evidence: Evidence | None, plan: ExperimentPlan, preference: Preference | None = None
) -> LookVerdict:
    """Compute all figures of one look from the sums in `folder` and decide.

    The verdict is `none` without evidence. `preference` is that of interleaved pages.
    """
    if evidence is None:
        return LookVerdict("none", NO_EXPERIMENT)
    figures = compute_figures(folder, evidence, plan)
    verdict, reason = decide(figures, plan, preference)
    return LookVerdict(
        verdict=verdict,
        reason=reason,
        next_share=plan.next_share(figures.share) if verdict in ("interleave", "ramp") else figures.share,
        interleaved_share=plan.interleaved_share if verdict == "interleave" else None,
        figures=figures,
        evidence=evidence,
        error_rate_bound=plan.maximum_error_rate_rise,
        preference=preference,
    )


def compute_figures(folder: Path, evidence: Evidence, plan: ExperimentPlan) -> LookFigures:
    """Compute the figures from users.parquet and cells.parquet in `folder` and the evidence."""
    level = Level(plan.alpha, plan.tuning_users)
    with open_user_sums(folder, plan.revenue_cap_quantile) as sums:
        statistics = sums.ratio_statistics(RATIOS)
        summaries = {totals["arm"]: summarize_arm(totals) for totals in sums.arm_totals()}
        pre_period = describe_adjustment(sums, statistics["rpm"])
        breakdown = break_down(sums, level)
    metrics = {
        name: relative_lift(arms, level, RATIOS[name].scale, name in ABSOLUTE) for name, arms in statistics.items()
    }
    users = {arm: summary.users for arm, summary in summaries.items()}
    setup = evidence.experiment
    share = setup.stages[-1].share
    return LookFigures(
        share=share,
        stage=sum(not stage.interleaved_share for stage in setup.stages) - 1,
        elapsed_s=(evidence.now - setup.starts[-1]).total_seconds(),
        looks=setup.looks + 1,
        is_paused=setup.is_paused,
        users=users,
        arms=summaries,
        rpm_lift=metrics["rpm"],
        no_lift_reason=explain_no_lift(statistics["rpm"], evidence.accounts),
        metrics=metrics,
        pre_period_rpm_lift=pre_period_lift(statistics["rpm"], level),
        revenue_cap=sums.cap if sums.cap < NO_CAP else None,
        pre_period=pre_period,
        over_time=breakdown.so_far,
        by_cut=breakdown.own,
        slices=breakdown.slices,
        srm_p_value=srm_p_value(users, share),
        disagreements=evidence.disagreements,
        crossover=evidence.crossover,
        guardrails=check_guardrails(evidence, summaries, plan),
        log_quality=LogQuality.from_accounts(evidence.accounts),
        interleaved_share=setup.interleaved_share,
        was_interleaved=setup.was_interleaved,
    )


def check_guardrails(evidence: Evidence, arms: dict[str, ArmSummary], plan: ExperimentPlan) -> Guardrails:
    """Check requests and sales.

    While pages are interleaved, an error is a ranking that was not to be had, which has a limit of its own.
    """
    setup = evidence.experiment
    limits = replace(plan, maximum_error_rate_rise=plan.maximum_ranker_failures) if setup.interleaved_share else plan
    guardrails = check_requests(evidence.requests, setup.versions, limits)
    breaches = (*guardrails.breaches, *check_sales(arms, plan))
    return Guardrails(breaches, guardrails.note, guardrails.rises, guardrails.latency_p99_ratio)


def pre_period_lift(arms: dict[str, SufficientStatistics], level: Level):
    """Estimate the lift before the arms differed: an A/A comparison of the same users."""
    return relative_lift({arm: statistics.pre_period for arm, statistics in arms.items()}, level, RPM_SCALE)


def explain_no_lift(arms: dict[str, SufficientStatistics], accounts: Accounts) -> str:
    """Return why there is no lift of RPM, '' where there is one."""
    reason = no_lift_reason(arms)
    return explain_missing_sales(accounts) if reason.startswith("nothing") else reason


def describe_adjustment(sums: UserSums, arms: dict[str, SufficientStatistics]) -> VarianceReduction:
    """Count the users with a pre-period and measure what it does for the lift's variance."""
    share = 0.0 if no_lift_reason(arms) else variance_reduction(arms)
    users = sum(statistics.users for statistics in arms.values())
    return VarianceReduction(sums.count_users_with_pre_period(), users, share)


def summarize_arm(sums: dict) -> ArmSummary:
    """Return one arm's summary from its users' sums."""
    exposures = sums["exposures"]
    return ArmSummary(
        users=sums["users"],
        exposures=exposures,
        clicks=sums["clicks"],
        orders=sums["orders"],
        refunds=sums["refunds"],
        buyers=sums["buyers"],
        grade_count=sums["graded"],
        rpm=sums["revenue"] * RPM_SCALE / exposures if exposures else 0.0,
        refund_amount=sums["refunded"] / MINOR_UNITS,
        rs=sums["grades"] / sums["graded"] if sums["graded"] else 0.0,
        click_through=sums["clicks"] / exposures if exposures else 0.0,
        conversion=sums["buyers"] / sums["users"],
    )
