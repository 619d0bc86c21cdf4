"""The release's state, one JSON document on S3 (`release_store`): versions, experiment, open move, and history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import chain

RUNNING = "running"
ENDS = ("promoted", "rolled back", "inconclusive", "vetoed")
PROMOTION_BEGUN = "promotion begun"  # from here on there is no way back: stable may be replaced already


@dataclass(frozen=True)
class Stage:
    """A share of users in treatment, and since when it is in force."""

    share: float  # 0 to 1
    start_time: str  # ISO 8601; `started` in the document
    interleaved_share: float = 0.0  # of users whose pages are interleaved, before any arm; `interleaved`

    @classmethod
    def from_json(cls, document: Mapping) -> "Stage":
        """Build a stage from its JSON object."""
        return cls(document["share"], document["started"], document.get("interleaved", 0.0))

    def to_json(self) -> dict:
        """Return the JSON object, which names interleaving only where there is some."""
        document = {"share": self.share, "started": self.start_time}
        return document | ({"interleaved": self.interleaved_share} if self.interleaved_share else {})


@dataclass(frozen=True)
class Experiment:
    """The comparison of the candidate with stable: dark at share 0, interleaved, ramping, then measured."""

    experiment_id: str
    salt: str
    stages: tuple[Stage, ...]
    status: str = RUNNING  # or one of ENDS
    is_paused: bool = False  # `paused` in the document
    end_time: str = ""  # ISO 8601; `ended` in the document
    error_rate_bound: float | None = None  # of the plan, from the first look on

    @property
    def is_running(self) -> bool:
        return self.status == RUNNING

    @property
    def share(self) -> float:
        """Return the share of users in treatment that is in force, 0 to 1."""
        return self.stages[-1].share

    @property
    def interleaved_share(self) -> float:
        """Return the share of users whose pages are interleaved now, 0 to 1."""
        return self.stages[-1].interleaved_share

    @classmethod
    def from_json(cls, document: Mapping) -> "Experiment":
        """Build an experiment from its JSON object, and ignore other keys."""
        return cls(
            document["experiment_id"],
            document["salt"],
            tuple(Stage.from_json(stage) for stage in document["stages"]),
            document.get("status", RUNNING),
            document.get("paused", False),
            document.get("ended", ""),
            document.get("error_rate_bound"),
        )

    def to_json(self) -> dict:
        """Return the JSON object, without what is not known yet."""
        document = {
            "experiment_id": self.experiment_id,
            "salt": self.salt,
            "stages": [stage.to_json() for stage in self.stages],
            "status": self.status,
            "paused": self.is_paused,
        }
        document |= {"ended": self.end_time} if self.end_time else {}
        return document | ({} if self.error_rate_bound is None else {"error_rate_bound": self.error_rate_bound})


@dataclass(frozen=True)
class Intent:
    """What is being moved right now: an action, its reason, and what the action needs."""

    action: str  # "interleave", "ramp", "promote", "promotion begun" or "end"; `word` in the document
    reason: str = ""
    percent: int | None = None  # of users, to be interleaved or for a ramp
    status: str = ""  # of an end: one of ENDS
    by: str = ""  # the person who asked for it

    @classmethod
    def from_json(cls, document: Mapping) -> "Intent":
        """Build an intent from its JSON object."""
        return cls(**_known_fields(cls, document) | {"action": document["word"]})

    def to_json(self) -> dict:
        """Return the JSON object, without what is empty."""
        return {"word": self.action} | self.facts()

    def facts(self) -> dict:
        """Return all but the action, for the history's entry."""
        return {name: value for name, value in vars(self).items() if name != "action" and value not in ("", None)}


@dataclass(frozen=True)
class HistoryEntry:
    """One change of the state: when, what, why, and the values it left."""

    time: str
    what: str
    facts: Mapping = field(default_factory=dict)
    new_values: Mapping = field(default_factory=dict)  # of the fields that changed, as JSON; `changed` in the document

    @property
    def reason(self) -> str:
        return self.facts.get("reason", "")

    @property
    def by(self) -> str:
        return self.facts.get("by", "")

    @classmethod
    def from_json(cls, document: Mapping) -> "HistoryEntry":
        """Build an entry from its JSON object, in which facts stand beside the other fields."""
        facts = {name: value for name, value in document.items() if name not in ("time", "what", "changed")}
        return cls(document["time"], document["what"], facts, document["changed"])

    def to_json(self) -> dict:
        """Return the JSON object."""
        return {"time": self.time, "what": self.what} | dict(self.facts) | {"changed": dict(self.new_values)}


@dataclass(frozen=True)
class ReleaseState:
    """The desired state of the release, by default the one before the first version."""

    stable: str | None = None
    candidate: str | None = None
    next_candidate: str | None = None  # released while another's experiment runs; `queued` in the document
    traffic_percent: int = 0  # of the requests without an arm, to the candidate
    experiment: Experiment | None = None  # the running one, or the last
    intent: Intent | None = None
    corrections: int = 0  # how often traffic was something else than this document says
    gateway_problem: str = ""  # why neither arm is answered through the gateway; nothing is decided meanwhile
    share_problem: str = ""  # how the versions that answer by share differ from the share, or why that is not seen
    revision: int = 0
    history: tuple[HistoryEntry, ...] = ()

    @property
    def running_experiment(self) -> Experiment | None:
        """Return the candidate's experiment while it runs."""
        return self.experiment if self.candidate and self.experiment and self.experiment.is_running else None

    @property
    def needs_interleaver(self) -> bool:
        """Tell whether pages are interleaved, or soon will be, and no end has begun."""
        action = self.intent.action if self.intent else ""
        is_interleaved = bool(self.running_experiment and self.running_experiment.interleaved_share)
        return action == "interleave" or (is_interleaved and action not in ("end", PROMOTION_BEGUN))

    @classmethod
    def from_json(cls, document: Mapping) -> "ReleaseState":
        """Build the state from its JSON document, with defaults for what it lacks."""
        values = _known_fields(cls, document)
        values["next_candidate"] = document.get("queued")
        values["experiment"] = Experiment.from_json(values["experiment"]) if values.get("experiment") else None
        values["intent"] = Intent.from_json(values["intent"]) if values.get("intent") else None
        values["history"] = tuple(HistoryEntry.from_json(entry) for entry in values.get("history", ()))
        return cls(**values)

    def to_json(self) -> dict:
        """Return the JSON document."""
        values = {name: value for name, value in vars(self).items() if name != "next_candidate"}
        return values | {
            "queued": self.next_candidate,
            "experiment": self.experiment.to_json() if self.experiment else None,
            "intent": self.intent.to_json() if self.intent else None,
            "history": [entry.to_json() for entry in self.history],
        }


def changes(before: ReleaseState, after: ReleaseState) -> dict:
    """Return the fields in which two states differ, with their later values as JSON."""
    earlier = before.to_json()
    return {name: value for name, value in after.to_json().items() if earlier[name] != value}


def replay(history: Iterable[HistoryEntry]) -> ReleaseState:
    """Return the state that a history leads to."""
    entries = tuple(history)
    document = dict(chain.from_iterable(entry.new_values.items() for entry in entries))
    return replace(ReleaseState.from_json(document), history=entries)


def _known_fields(cls, document: Mapping) -> dict:
    return {entry.name: document[entry.name] for entry in fields(cls) if entry.name in document}
