"""The figures of a look, which the decision and the report read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from components.experiment.guardrails import ArmSummary, Guardrails
from components.experiment.intervals import LiftInterval
from components.experiment.plan import ExperimentPlan
from components.experiment.records import Accounts
from components.experiment.slices import Slice

LEAST_BAD_ORDERS = 20  # rows, below which no share of them is a problem
STRANGERS = ("no exposure", "copy", "refund of no counted order")  # rows that say nothing about the others
REMEDIES = {
    "another currency": "convert it to one currency when logging",
    "no amount": "log each order's revenue in minor units",
    "no time": "log each order's time",
    "too early": "check the clocks and time zones of both logs",
    "too late": "give a longer outcome window",
}


@dataclass(frozen=True)
class LogQuality:
    """Orders and refunds of exposures, and those that do not count, by reason."""

    orders: int = 0
    set_aside: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> "LogQuality":
        """Leave out the rows that belong to no exposure and the copies."""
        set_aside = {reason: count for reason, count in accounts.orders_set_aside.items() if reason not in STRANGERS}
        strangers = sum(accounts.orders_set_aside.values()) - sum(set_aside.values())
        return cls(accounts.orders - strangers, set_aside)

    def problem(self, plan: ExperimentPlan) -> str:
        """Return why too many orders are missing for a lift, '' where few are."""
        for reason, count in self.set_aside.items():
            limit = plan.maximum_late_share if reason == "too late" else plan.maximum_bad_share
            if count >= LEAST_BAD_ORDERS and count > limit * self.orders:
                share = f"{count / self.orders:.1%} of the orders and refunds"
                return f"{share} do not count ({reason}): {REMEDIES.get(reason, 'check the logs')}"
        return ""


@dataclass(frozen=True)
class VarianceReduction:
    """Users with a pre-period, and the share of the lift's variance that it takes away."""

    users_adjusted: int = 0
    users: int = 0
    variance_reduction: float = 0.0


@dataclass(frozen=True)
class LookFigures:
    """All figures of one look."""

    share: float  # of users in treatment
    stage: int  # of the shares: interleaving is none of them
    elapsed_s: float  # under this share
    looks: int  # under this share, this one included
    users: Mapping[str, int]  # by arm
    rpm_lift: LiftInterval | None
    srm_p_value: float = 1.0
    disagreements: int = 0
    crossover: Mapping[str, float] = field(default_factory=dict)
    guardrails: Guardrails = Guardrails()
    is_paused: bool = False
    no_lift_reason: str = ""
    log_quality: LogQuality = LogQuality()
    arms: Mapping[str, ArmSummary] = field(default_factory=dict)
    metrics: Mapping[str, LiftInterval | None] = field(default_factory=dict)
    pre_period_rpm_lift: LiftInterval | None = None
    revenue_cap: float | None = None  # minor units, None where nobody spent anything
    pre_period: VarianceReduction = VarianceReduction()
    over_time: tuple[LiftInterval | None, ...] = ()
    by_cut: tuple[LiftInterval | None, ...] = ()
    slices: tuple[Slice, ...] = ()
    interleaved_share: float = 0.0  # of users, now
    was_interleaved: bool = False

    def to_json(self) -> dict:
        """Return the JSON object that is stored with every look."""
        document = dict(vars(self))
        return document | {
            "users": dict(self.users),
            "crossover": dict(self.crossover),
            "guardrails": self.guardrails.to_json(),
            "log_quality": {"orders": self.log_quality.orders, "set_aside": dict(self.log_quality.set_aside)},
            "arms": {arm: summary.to_json() for arm, summary in self.arms.items()},
            "rpm_lift": interval_json(self.rpm_lift),
            "metrics": {name: interval_json(lift) for name, lift in self.metrics.items()},
            "pre_period_rpm_lift": interval_json(self.pre_period_rpm_lift),
            "cuped": asdict(document.pop("pre_period")),
            "paused": document.pop("is_paused"),
            "over_time": [interval_json(lift) for lift in self.over_time],
            "by_cut": [interval_json(lift) for lift in self.by_cut],
            "slices": [part.to_json() for part in self.slices],
        }


def interval_json(lift: LiftInterval | None) -> dict | None:
    """Return an interval's JSON object, None where there is no interval."""
    return lift.to_json() if lift else None
