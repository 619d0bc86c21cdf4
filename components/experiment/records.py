"""What the steps of a look pass on: the experiment, a shard's accounts, the evidence of all shards."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from components.experiment.counts import add_counts
from components.release_state import Stage

DAY_S = 86_400


@dataclass(frozen=True)
class ExperimentSetup:
    """The experiment at a look: its versions, its shares so far, and earlier looks."""

    experiment_id: str
    salt: str | None  # None: unknown, so that arms cannot be computed again
    stages: tuple[Stage, ...]
    versions: Mapping[str, str]  # by arm
    looks: int = 0
    is_paused: bool = False
    history: tuple[Mapping, ...] = ()  # of the release, for the report
    is_nameless: bool = False  # rows that name no experiment belong to it
    preference: Mapping | None = None  # what the last interleaved look found, for later ones

    @property
    def shares(self) -> list[float]:
        """Return every stage's share of treatment, the one in force last."""
        return [float(stage.share) for stage in self.stages]

    @property
    def interleaved_share(self) -> float:
        """Return the share of users whose pages are interleaved now."""
        return float(self.stages[-1].interleaved_share)

    @property
    def was_interleaved(self) -> bool:
        """Tell whether pages were interleaved at any time."""
        return any(stage.interleaved_share for stage in self.stages)

    @property
    def starts(self) -> list[datetime]:
        """Return when each share came into force."""
        return [datetime.fromisoformat(stage.start_time).astimezone(UTC) for stage in self.stages]

    @classmethod
    def from_json(cls, document: Mapping) -> "ExperimentSetup":
        """Build it from a JSON object, ignoring keys of other rooms."""
        values = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        values["is_paused"] = document.get("paused", False)
        values["stages"] = tuple(Stage.from_json(stage) for stage in document["stages"])
        return cls(**values | {"history": tuple(values.get("history", ()))})

    def to_json(self) -> dict:
        """Return the JSON object."""
        document = asdict(self)
        stages = [stage.to_json() for stage in self.stages]
        return document | {"stages": stages, "paused": document.pop("is_paused")}


@dataclass(frozen=True)
class AttributionRules:
    """The windows in which outcomes count, and the log's kinds and time zone."""

    outcome_window: timedelta = timedelta(days=1)  # after the exposure, for clicks, orders and grades
    refund_window: timedelta = timedelta(days=30)  # after the order
    clock_skew: timedelta = timedelta(minutes=5)  # an outcome may be so much earlier than its exposure
    kinds: Mapping[str, str] = field(default_factory=dict)  # purchase -> order
    zone: str = "UTC"  # of times that name none, a name of the IANA time zones
    is_interleaved: bool = False  # pages have teams and no arm
    has_both: bool = False  # interleaved pages lie beside those of arms, as in the platform's own logs


@dataclass(frozen=True)
class Accounts:
    """Rows of a shard, and why some of them do not count."""

    exposures: int = 0
    duplicates: int = 0
    outcomes: int = 0
    outcomes_set_aside: Mapping[str, int] = field(default_factory=dict)  # by reason
    orders: int = 0  # rows of orders and refunds
    orders_set_aside: Mapping[str, int] = field(default_factory=dict)  # by reason
    refunds: int = 0  # rows
    unknown_kinds: Mapping[str, int] = field(default_factory=dict)
    exposures_with_outcome: int = 0
    outcome_window_s: float = DAY_S
    refund_window_s: float = 30 * DAY_S
    notes: tuple[str, ...] = ()  # what a reader of the figures has to know about the logs

    @classmethod
    def from_json(cls, document: Mapping) -> "Accounts":
        """Build it from its JSON object."""
        return cls(**document | {"notes": tuple(document["notes"])})

    @classmethod
    def total(cls, parts: "list[Accounts]") -> "Accounts":
        """Add the accounts of all shards."""
        return cls(
            exposures=sum(part.exposures for part in parts),
            duplicates=sum(part.duplicates for part in parts),
            outcomes=sum(part.outcomes for part in parts),
            outcomes_set_aside=add_counts([part.outcomes_set_aside for part in parts]),
            orders=sum(part.orders for part in parts),
            orders_set_aside=add_counts([part.orders_set_aside for part in parts]),
            refunds=sum(part.refunds for part in parts),
            unknown_kinds=add_counts([part.unknown_kinds for part in parts]),
            exposures_with_outcome=sum(part.exposures_with_outcome for part in parts),
            outcome_window_s=parts[0].outcome_window_s,
            refund_window_s=parts[0].refund_window_s,
            notes=tuple(dict.fromkeys(chain.from_iterable(part.notes for part in parts))),
        )

    def with_order_problems(self, problems: Mapping[str, int]) -> "Accounts":
        """Return the accounts with orders that turned out not to count when shards met."""
        return replace(
            self,
            outcomes_set_aside=add_counts([self.outcomes_set_aside, problems]),
            orders_set_aside=add_counts([self.orders_set_aside, problems]),
        )


@dataclass(frozen=True)
class RequestSummary:
    """Requests that one version answered."""

    requests: int
    error_rate: float
    latency_p99_ms: float  # the edge of a bin half a percent wide
    missing_features_rate: float
    null_result_rate: float


@dataclass(frozen=True)
class CategoryShare:
    """The share of each arm's exposures that show items of a category."""

    category: str
    control: float
    treatment: float


@dataclass(frozen=True)
class Evidence:
    """What the logs of all shards hold, before statistics."""

    experiment: ExperimentSetup
    now: datetime
    accounts: Accounts
    currency: str  # ISO 4217, '' where the logs name none
    used: int  # exposures
    set_aside: Mapping[str, int]  # exposures by reason
    users_set_aside: Mapping[str, int]
    crossover: Mapping[str, float]  # by arm: share of exposures that another version answered
    requests: Mapping[str, RequestSummary]  # by version
    exposure_shift: tuple[CategoryShare, ...]
    notes: tuple[str, ...] = ()  # sentences on the logs

    @property
    def disagreements(self) -> int:
        """Return how many exposures carry an arm that the user's hash does not give."""
        return self.set_aside.get("arm disagrees", 0)

    def to_json(self) -> dict:
        """Return the flat JSON object that is stored with every look."""
        accounts = self.accounts
        outcomes_set_aside = dict(accounts.outcomes_set_aside)
        return self.experiment.to_json() | {
            "now": self.now.isoformat(),
            "currency": self.currency,
            "exposures": accounts.exposures,
            "duplicates": accounts.duplicates,
            "used": self.used,
            "set_aside": dict(self.set_aside),
            "disagreements": self.disagreements,
            "users_set_aside": dict(self.users_set_aside),
            "crossover": dict(self.crossover),
            "outcomes": accounts.outcomes,
            "outcomes_used": accounts.outcomes - sum(outcomes_set_aside.values()),
            "outcomes_set_aside": outcomes_set_aside,
            "outcome_copies": outcomes_set_aside.get("copy", 0),
            "outcomes_of_unknown_kind": outcomes_set_aside.get("unknown kind", 0),
            "outcome_kinds": accounts.outcomes - outcomes_set_aside.get("copy", 0),
            "unknown_kinds": dict(accounts.unknown_kinds),
            "exposures_with_outcome": accounts.exposures_with_outcome,
            "late_outcomes": outcomes_set_aside.get("too late", 0),
            "skewed_outcomes": outcomes_set_aside.get("too early", 0),
            "orders": accounts.orders,
            "refunds": accounts.refunds,
            "orders_set_aside": dict(accounts.orders_set_aside),
            "requests": {version: asdict(summary) for version, summary in self.requests.items()},
            "exposure_shift": [asdict(row) for row in self.exposure_shift],
            "outcome_window_days": accounts.outcome_window_s / DAY_S,
            "refund_window_days": accounts.refund_window_s / DAY_S,
            "notes": list(self.notes),
        }
