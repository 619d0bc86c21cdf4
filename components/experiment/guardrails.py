"""Limits that end an experiment at any share: errors, latency, missing features, empty answers, and lost sales."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from components.experiment.plan import ExperimentPlan
from components.experiment.records import RequestSummary
from components.experiment.srm import shortfall_p_value

CHECKED = "checked"
RATES = ("error_rate", "missing_features_rate", "null_result_rate")


@dataclass(frozen=True)
class ArmSummary:
    """One arm as a person reads it: net RPM in currency units, rates and counts."""

    users: int
    exposures: int
    clicks: int
    orders: int
    refunds: int
    buyers: int
    grade_count: int
    rpm: float
    refund_amount: float  # currency units
    rs: float
    click_through: float
    conversion: float

    def to_json(self) -> dict:
        """Return the JSON object."""
        document = asdict(self)
        return document | {"graded": document.pop("grade_count"), "refunded": document.pop("refund_amount")}


@dataclass(frozen=True)
class Guardrails:
    """The limits that are broken, and by how much the candidate is worse."""

    breaches: tuple[str, ...] = ()
    note: str = ""
    rises: Mapping[str, float] = field(default_factory=dict)
    latency_p99_ratio: float | None = None

    @property
    def is_checked(self) -> bool:
        """Tell whether both versions had enough requests."""
        return self.note == CHECKED

    def to_json(self) -> dict:
        """Return the flat JSON object."""
        document = asdict(self)
        return document | {"breaches": list(self.breaches)} | document.pop("rises")


def check_requests(
    requests: Mapping[str, RequestSummary], versions: Mapping[str, str], plan: ExperimentPlan
) -> Guardrails:
    """Compare errors, latency, missing features and empty answers of the versions that answered."""
    stable = requests.get(versions["control"] or "")
    candidate = requests.get(versions["treatment"] or "")
    if not stable or not candidate or min(stable.requests, candidate.requests) < plan.minimum_requests:
        return Guardrails(note=f"under {plan.minimum_requests:,} requests a version: not checked")
    rises = {name: getattr(candidate, name) - getattr(stable, name) for name in RATES}
    ratio = candidate.latency_p99_ms / stable.latency_p99_ms if stable.latency_p99_ms else 1.0
    breaches = []
    if rises["error_rate"] > plan.maximum_error_rate_rise:
        breaches.append(f"the candidate's error rate is higher by {rises['error_rate']:.2%}")
    if ratio > plan.maximum_p99_ratio:
        breaches.append(f"the candidate's p99 latency is {ratio:.2f} times that of stable")
    if rises["missing_features_rate"] > plan.maximum_missing_features_rise:
        breaches.append(f"the candidate misses features in {rises['missing_features_rate']:.2%} more requests")
    if rises["null_result_rate"] > plan.maximum_null_results_rise:
        breaches.append(f"the candidate answers {rises['null_result_rate']:.2%} more requests with nothing")
    return Guardrails(tuple(breaches), CHECKED, rises, ratio)


def check_sales(arms: Mapping[str, ArmSummary], plan: ExperimentPlan) -> tuple[str, ...]:
    """Tell whether the candidate's users order so much less often that chance is ruled out.

    Among all buyers, treatment's share is compared with the one that it had if its conversion were
    1 - maximum_conversion_drop of control's. The test holds at every look and needs no variance, so it speaks where an
    arm sells nothing at all.
    """
    control = arms.get("control")
    treatment = arms.get("treatment")
    if not control or not treatment or not sells_far_less(treatment, control, plan):
        return ()
    drop = f"under {1 - plan.maximum_conversion_drop:.0%} of control's share"
    counts = (
        f"{treatment.buyers:,} of {treatment.users:,} users ordered, {control.buyers:,} of {control.users:,} in control"
    )
    return (f"the candidate sells far less: {counts}, {drop}",)


def sells_far_less(arm: ArmSummary, other: ArmSummary, plan: ExperimentPlan) -> bool:
    """Tell whether an arm's conversion is below the other's beyond chance."""
    least_users = arm.users * (1 - plan.maximum_conversion_drop)
    share = least_users / (least_users + other.users)
    return shortfall_p_value(arm.buyers, arm.buyers + other.buyers, share) < plan.srm_alpha
