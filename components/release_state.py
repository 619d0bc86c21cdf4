"""The release's state: the versions that serve, the experiment between them, what is being moved, and the history.

It is one JSON document on S3. A write succeeds only upon the revision that was read, so no update is lost.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime

from components import storage

STATE = "release/state.json"
NIGHTS = "release/nights"  # one object for each night whose gate has spoken
RUNNING = "running"
ENDS = ("promoted", "rolled back", "inconclusive", "vetoed")
ATTEMPTS = 20


@dataclass(frozen=True)
class Stage:
    """A share of users in treatment (0 to 1), and when it came into force (ISO 8601)."""

    share: float
    started: str


@dataclass(frozen=True)
class Experiment:
    """The comparison of the candidate with stable: dark at share 0, then ramping, then measured."""

    experiment_id: str
    salt: str
    stages: tuple[Stage, ...]
    status: str = RUNNING  # or one of ENDS
    paused: bool = False
    ended: str = ""  # ISO 8601

    @property
    def is_running(self) -> bool:
        return self.status == RUNNING

    @property
    def share(self) -> float:
        """Return the share of users in treatment that is in force, 0 to 1."""
        return self.stages[-1].share

    @classmethod
    def from_json(cls, document: Mapping) -> "Experiment":
        """Build an experiment from its JSON object; other keys are ignored."""
        stages = tuple(Stage(stage["share"], stage["started"]) for stage in document["stages"])
        return cls(**_known_fields(cls, document) | {"stages": stages})

    def to_json(self) -> dict:
        """Return the JSON object; `ended` only once it is so."""
        document = vars(self) | {"stages": [dict(vars(stage)) for stage in self.stages]}
        return {name: value for name, value in document.items() if name != "ended" or value}


@dataclass(frozen=True)
class Intent:
    """What is being moved right now: an action, its reason, and what the action needs."""

    action: str  # "ramp", "promote", "promotion begun" or "end"; `word` in the document
    reason: str = ""
    percent: int | None = None  # of a ramp
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
    """One change of the state: when, what, why or by whom, and the fields that it changed (as JSON)."""

    time: str
    what: str
    facts: Mapping = field(default_factory=dict)
    changed: Mapping = field(default_factory=dict)

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
        return {"time": self.time, "what": self.what} | dict(self.facts) | {"changed": dict(self.changed)}


@dataclass(frozen=True)
class ReleaseState:
    """The desired state of the release; the defaults are the state before the first one."""

    stable: str | None = None
    candidate: str | None = None
    queued: str | None = None  # the newest released version, which waits for the running experiment's end
    traffic_percent: int = 0  # of the requests without an arm, to the candidate
    experiment: Experiment | None = None  # the running one, or the last
    intent: Intent | None = None
    corrections: int = 0  # how often traffic was something else than this document says
    revision: int = 0
    history: tuple[HistoryEntry, ...] = ()

    @property
    def running_experiment(self) -> Experiment | None:
        """Return the candidate's experiment while it runs."""
        return self.experiment if self.candidate and self.experiment and self.experiment.is_running else None

    @classmethod
    def from_json(cls, document: Mapping) -> "ReleaseState":
        """Build the state from its JSON document; what is missing is as before the first release."""
        values = _known_fields(cls, document)
        values["experiment"] = Experiment.from_json(values["experiment"]) if values.get("experiment") else None
        values["intent"] = Intent.from_json(values["intent"]) if values.get("intent") else None
        values["history"] = tuple(HistoryEntry.from_json(entry) for entry in values.get("history", ()))
        return cls(**values)

    def to_json(self) -> dict:
        """Return the JSON document."""
        return vars(self) | {
            "experiment": self.experiment.to_json() if self.experiment else None,
            "intent": self.intent.to_json() if self.intent else None,
            "history": [entry.to_json() for entry in self.history],
        }


def read_state() -> ReleaseState:
    """Read the desired state; before the first release it is empty."""
    return _read()[0]


def update_state(change: Callable[[ReleaseState], ReleaseState], what: str, **facts) -> ReleaseState:
    """Apply `change` to the state and add one entry to its history.

    A change that changes nothing writes nothing.

    Raises:
        RuntimeError: others kept writing in between; run the step again.
    """
    entry = None
    for _ in range(ATTEMPTS):
        before, etag = _read()
        if entry in before.history:  # the last try was written, and its answer was lost
            return before
        after = change(before)
        if after == before:
            return before
        after = replace(after, revision=before.revision + 1)
        entry = HistoryEntry(datetime.now(UTC).isoformat(timespec="milliseconds"), what, facts, changes(before, after))
        after = replace(after, history=(*before.history, entry))
        if _write(after, etag):
            return after
    raise RuntimeError(f"{STATE} was changed by others {ATTEMPTS} times while this step tried to: {what}")


def changes(before: ReleaseState, after: ReleaseState) -> dict:
    """Return the fields in which two states differ, with their later values as JSON."""
    earlier = before.to_json()
    return {name: value for name, value in after.to_json().items() if earlier[name] != value}


def replay(history: Iterable[HistoryEntry]) -> ReleaseState:
    """Return the state that a history leads to, which is the state that holds the history."""
    document = {}
    entries = tuple(history)
    for entry in entries:
        document |= entry.changed
    return replace(ReleaseState.from_json(document), history=entries)


def _read() -> tuple[ReleaseState, str]:
    content, etag = storage.get_with_etag(STATE)
    return ReleaseState.from_json(json.loads(content or b"{}")), etag


def _write(state: ReleaseState, etag: str) -> bool:
    content = json.dumps(state.to_json(), indent=1, sort_keys=True, allow_nan=False).encode()
    return storage.replace_bytes(STATE, content, etag) if etag else storage.create_bytes(STATE, content)


def _known_fields(cls, document: Mapping) -> dict:
    return {entry.name: document[entry.name] for entry in fields(cls) if entry.name in document}
