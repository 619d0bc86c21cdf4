"""What is stored of every release: offline gain, preference and lifts of its experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.look_store import list_looks, read_newest
from components.release_state import Experiment, HistoryEntry

FIGURES = {  # of a release: name, what it is
    "offline": "NDCG@10, offline",
    "preference": "preference",
    "second_opinion": "weighed clicks",
    "click_through": "lift of click-through",
    "rpm": "lift of RPM",
}
OFFLINE_METRIC = "ndcg_at_10"


@dataclass(frozen=True)
class Figure:
    """One figure of the candidate against stable, with its interval."""

    estimate: float
    low: float
    high: float

    @property
    def is_told(self) -> bool:
        """Tell whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    @classmethod
    def from_json(cls, document: Mapping | None, name: str = "estimate") -> "Figure | None":
        """Read a figure, whose estimate has another name in a gate's verdict."""
        return cls(document[name], document["low"], document["high"]) if document else None

    def __str__(self) -> str:
        return f"{self.estimate:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True)
class ReleaseFigures:
    """One experiment of the history: its versions, its end, its figures by name."""

    experiment_id: str
    candidate: str
    stable: str
    status: str
    figures: Mapping[str, Figure | None]


def list_experiments(history: Sequence[HistoryEntry]) -> list[tuple[Experiment, tuple[str, str]]]:
    """Return every experiment as it was last, with both versions of its beginning."""
    values: dict = {}
    experiments: dict[str, Experiment] = {}
    versions: dict[str, tuple[str, str]] = {}
    for entry in history:
        values |= entry.new_values
        if values.get("experiment"):
            experiment = Experiment.from_json(values["experiment"])
            experiments[experiment.experiment_id] = experiment
            versions.setdefault(experiment.experiment_id, (values.get("stable") or "", values.get("candidate") or ""))
    return [(experiment, versions[name]) for name, experiment in experiments.items()]


def read_release(experiment: Experiment, versions: tuple[str, str], nights: Sequence[Mapping]) -> ReleaseFigures:
    """Return an experiment's figures from its looks, and from the night of its candidate."""
    stable, candidate = versions
    looks = list_looks(experiment.experiment_id)
    preference = read_newest(look for look in looks if look.is_interleaved).get("preference") or {}
    metrics = (read_newest(look for look in looks if look.is_of_arms).get("figures") or {}).get("metrics", {})
    deciding = preference["preference"][preference["credit"]] if preference else None
    night = next((night for night in reversed(nights) if _compares(night, versions)), {})
    figures = {
        "offline": Figure.from_json(night.get("gains", {}).get(OFFLINE_METRIC), "difference"),
        "preference": Figure.from_json(deciding),
        "second_opinion": Figure.from_json((preference.get("second_opinion") or {}).get("interval")),
        "click_through": Figure.from_json(metrics.get("click_through")),
        "rpm": Figure.from_json(metrics.get("rpm")),
    }
    return ReleaseFigures(experiment.experiment_id, candidate, stable, experiment.status, figures)


def _compares(night: Mapping, versions: tuple[str, str]) -> bool:
    """Tell whether a night's gate compared these versions.

    The first night's baseline becomes stable after it.
    """
    stable, candidate = versions
    return night.get("version") == candidate and night.get("serving_version", "") in (stable, "")
