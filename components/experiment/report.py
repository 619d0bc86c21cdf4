"""One look at an experiment as a self-contained page, and as the result of its step."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from components.experiment.records import Accounts
from components.experiment.verdict import LookVerdict
from components.html import render
from components.step_result import StepResult

WIDTH = 640
HEIGHT = 220
NAMES = {
    "rpm": "revenue per thousand exposures, net of refunds",
    "rs": "satisfaction (mean grade)",
    "click_through": "click-through",
    "conversion": "users who ordered",
}
LARGEST_REACH = 3.0  # times the last interval's reach that a chart shows of wider ones
FILTERS = {
    "percent": lambda value, digits=2: "" if value is None else f"{value:+.{digits}%}",
    "share": lambda value, digits=2: "" if value is None else f"{value:.{digits}%}",
}


def experiment_page(look: dict) -> str:
    """Render a look's document: decision, metrics, intervals over time, checks, slices, accounts and history."""
    figures = look["figures"]
    charts = {"so far": chart(figures.get("over_time", [])), "alone": chart(figures.get("by_cut", []))}
    context = {"look": look, "figures": figures, "charts": charts}
    context |= {"names": NAMES, "width": WIDTH, "height": HEIGHT}
    return render(Path(__file__).with_name("experiment.html.j2"), context, FILTERS)


def chart(intervals: Sequence[dict | None]) -> dict:
    """Place a bar for each relative interval, with no lift in the middle."""
    drawable = []
    for index, lift in enumerate(intervals):
        if lift and lift["difference_type"] == "relative":
            drawable.append((index, lift))
    if not drawable:
        return {"bars": []}
    largest = max(reach(lift) for _, lift in drawable)
    height_reach = min(reach(drawable[-1][1]) * LARGEST_REACH or 1.0, largest)
    bars = [bar(lift, (index + 0.5) * WIDTH / len(intervals), height_reach) for index, lift in drawable]
    return {"bars": bars, "reach": height_reach}


def reach(lift: dict) -> float:
    """Return the larger distance of an interval's ends from no lift."""
    return max(abs(lift["low"]), abs(lift["high"]))


def bar(lift: dict, x: float, height_reach: float) -> dict:
    """Return where an interval is drawn."""
    heights = {}
    for name in ("low", "high", "estimate"):
        heights[name] = HEIGHT / 2 * (1 - max(-1.0, min(1.0, lift[name] / height_reach)))
    return {"x": x} | heights


def summarize_logs(accounts: Accounts) -> StepResult:
    """Return the result of the step that sums a shard of the logs."""
    total = accounts.exposures
    copies = accounts.duplicates
    headline = f"{total:,} exposures, {copies:,} of them logged twice"
    return StepResult(total, total - copies, copies, headline, asdict(accounts))


def summarize_verdict(verdict: LookVerdict) -> StepResult:
    """Return the result of the step that decides: every exposure is used or set aside."""
    headline = f"{verdict.verdict}: {verdict.reason}"
    details = {"look": verdict.to_json()}
    if verdict.is_none:
        return StepResult(0, 0, 0, headline, details)
    total = verdict.evidence.accounts.exposures
    used = verdict.evidence.used
    return StepResult(total, used, total - used, headline, details)
