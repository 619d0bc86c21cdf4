"""One look at an experiment as a self-contained page, and as the facts of its step."""

from collections.abc import Sequence
from pathlib import Path

from components.html import render

WIDTH, HEIGHT = 640, 220
NAMES = {
    "rpm": "revenue per thousand exposures",
    "rs": "satisfaction (mean grade), difference",
    "click_through": "click-through",
    "conversion": "users who ordered",
}
FILTERS = {
    "percent": lambda value, digits=2: "" if value is None else f"{value:+.{digits}%}",
    "share": lambda value, digits=2: "" if value is None else f"{value:.{digits}%}",
}
MOST = 3.0  # times the last interval's reach that a chart shows of wider ones


def experiment_page(verdict: dict) -> str:
    """A page with the decision and its reason, metrics, intervals over time, checks, slices, accounts and history."""
    figures = verdict["figures"]
    charts = {name: chart(figures.get(key, [])) for name, key in (("so far", "over_time"), ("alone", "by_cut"))}
    context = {"verdict": verdict, "figures": figures, "charts": charts}
    context |= {"names": NAMES, "width": WIDTH, "height": HEIGHT}
    return render(Path(__file__).with_name("experiment.html.j2"), context, FILTERS)


def chart(intervals: Sequence[dict | None]) -> dict:
    """Where to draw each interval: a bar with its estimate; higher is better, the middle is no lift."""
    known = [(at, one) for at, one in enumerate(intervals) if one]
    if not known:
        return {"bars": []}
    reach = max(abs(known[-1][1]["low"]), abs(known[-1][1]["high"])) * MOST or 1.0
    reach = min(reach, max(max(abs(one["low"]), abs(one["high"])) for _, one in known))
    bars = []
    for at, one in known:
        places = {
            name: HEIGHT / 2 * (1 - max(-1.0, min(1.0, one[name] / reach))) for name in ("low", "high", "estimate")
        }
        bars.append({"x": (at + 0.5) * WIDTH / len(intervals)} | places)
    return {"bars": bars, "reach": reach}


def logs_facts(accounts: dict) -> dict:
    """What the step that sums a shard of the logs says."""
    logged, copies = accounts["exposures"], accounts["duplicates"]
    figure = f"{logged:,} exposures, {copies:,} of them logged twice"
    return {"rows_in": logged, "rows_out": logged - copies, "set_aside": copies, "figure": figure} | accounts


def verdict_facts(verdict: dict) -> dict:
    """What the step that decides says: every exposure is used or set aside."""
    counts = {"rows_in": 0, "rows_out": 0, "set_aside": 0}
    if verdict["experiment_id"]:
        shown, used = verdict["exposures"], verdict["used"]
        counts = {"rows_in": shown, "rows_out": used, "set_aside": shown - used}
    return counts | {"figure": f"{verdict['verdict']}: {verdict['reason']}", "look": verdict}
