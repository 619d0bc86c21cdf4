"""One look at an experiment as a self-contained page, and as the result of its step."""

from dataclasses import asdict
from pathlib import Path

from components.charts import interval_chart
from components.experiment.records import Accounts
from components.experiment.verdict import LookVerdict
from components.html import render
from components.step_result import StepResult

NAMES = {
    "rpm": "revenue per thousand exposures, net of refunds",
    "rs": "satisfaction (mean grade)",
    "click_through": "click-through",
    "conversion": "users who ordered",
}
FILTERS = {
    "percent": lambda value, digits=2: "" if value is None else f"{value:+.{digits}%}",
    "share": lambda value, digits=2: "" if value is None else f"{value:.{digits}%}",
}


def experiment_page(look: dict) -> str:
    """Render a look's document: decision, metrics, intervals over time, checks, slices, accounts and history."""
    figures = look["figures"]
    charts = {
        "so far": interval_chart(figures.get("over_time", [])),
        "alone": interval_chart(figures.get("by_cut", [])),
    }
    context = {"look": look, "figures": figures, "charts": charts, "names": NAMES}
    return render(Path(__file__).with_name("experiment.html.j2"), context, FILTERS)


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
