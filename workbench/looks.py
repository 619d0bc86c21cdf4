"""The looks at an experiment as they were stored, and the few figures of each that a person decides by."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.look_store import list_looks, read_newest
from components.release_state import Experiment

CHART_WIDTH = 600
CHART_HEIGHT = 160
MARGIN = 12


@dataclass(frozen=True)
class LookSummary:
    """One look: when, in which stage, what it decided, and its deciding interval."""

    time: str
    stage: str  # interleaved, or a share as 5-percent
    verdict: str
    reason: str
    measure: str  # what the interval is of; "" without one
    estimate: float | None
    low: float | None
    high: float | None
    guardrails: str
    breaches: tuple[str, ...]


def read_looks(experiment: Experiment | None) -> list[LookSummary]:
    """Return the looks at an experiment, oldest first."""
    if not experiment:
        return []
    return [summarize_look(look.stage, read_newest([look])) for look in list_looks(experiment.experiment_id)]


def summarize_look(stage: str, look: Mapping) -> LookSummary:
    """Return what a look found in a stage of the experiment."""
    figures = look.get("figures") or {}
    guardrails = figures.get("guardrails") or {}
    measure, interval = deciding_interval(look)
    return LookSummary(
        time=look.get("now", ""),
        stage=stage,
        verdict=look.get("verdict", ""),
        reason=look.get("reason", ""),
        measure=measure,
        **{bound: interval.get(bound) for bound in ("estimate", "low", "high")},
        guardrails=guardrails.get("note", ""),
        breaches=tuple(guardrails.get("breaches", ())),
    )


def deciding_interval(look: Mapping) -> tuple[str, Mapping]:
    """Return the preference while pages are interleaved, else the lift of revenue, with its name."""
    figures = look.get("figures") or {}
    preference = look.get("preference") or {}
    if preference and not figures.get("share"):
        interval = preference["preference"][preference["credit"]]
        return (f"preference, {preference['credit']}", interval) if interval else ("", {})
    interval = (figures.get("metrics") or {}).get("rpm") or {}
    return ("lift of revenue per 1,000 shown", interval) if "estimate" in interval else ("", {})


def interval_chart(looks: list[LookSummary], measure: str) -> list[dict]:
    """Return a bar for each look with that measure, in the chart's coordinates."""
    looks = [look for look in looks if look.measure == measure and look.estimate is not None]
    if not looks:
        return []
    reach = max(max(abs(look.low), abs(look.high)) for look in looks) or 1.0

    def height(value: float) -> float:
        return round(CHART_HEIGHT / 2 - value / reach * (CHART_HEIGHT / 2 - MARGIN), 1)

    step = CHART_WIDTH / (len(looks) + 1)
    return [
        {
            "x": round(step * number, 1),
            "low": height(look.low),
            "high": height(look.high),
            "estimate": height(look.estimate),
        }
        for number, look in enumerate(looks, 1)
    ]
