"""The report of a run: one self-contained page, from the run's summary, at any moment of the run."""

from pathlib import Path

from components import charts
from components.contracts import LABELS
from components.html import render
from pipelines.report import formats
from pipelines.report.models_view import LOWER_IS_BETTER, describe_gate, find_candidate, list_models
from pipelines.report.overview import build_overview
from pipelines.report.training_view import list_curves, list_examples, list_perspectives
from pipelines.titles import title

TEMPLATE = Path(__file__).parent / "report.html.j2"
GENERATIONS = ("gather samples", "gather final rationales")


def write_report(summary: dict, path: Path) -> None:
    """Write the page, whatever parts of the summary are missing."""
    page = render(TEMPLATE, build_view(summary), formats.FILTERS, allow_missing=True)
    path.write_text(page, encoding="utf-8", errors="replace")


def build_view(summary: dict) -> dict:
    """Return everything that the template shows."""
    facts = facts_by_title(summary)
    looks = [entry["decide-experiment"]["look"] for entry in summary.get("experiment", [])]
    experiment = describe_experiment(looks)
    rankings = summary.get("rankings") or {}
    models = list_models(facts, rankings)
    return {
        "overview": build_overview(summary, facts, models | find_candidate(models), experiment),
        "summary": summary,
        "steps": summary.get("steps", []),
        "facts": facts,
        "rankings": rankings,
        "examples": {name: list_examples(facts.get(name, {})) for name in GENERATIONS},
        "perspectives": list_perspectives(facts),
        "curves": list_curves(facts),
        "models": list(models.values()),
        "labels": LABELS,
        "lower_is_better": LOWER_IS_BETTER,
        "gate": describe_gate(facts.get("gate candidate", {})),
        "looks": looks,
        "experiment": experiment,
    }


def facts_by_title(summary: dict) -> dict[str, dict]:
    """Return the recorded result of every finished step by title."""
    facts = {title(name): result for name, result in summary.get("retrain", {}).items()}
    return facts | {step["title"]: step.get("facts", {}) for step in summary.get("steps", [])}


def describe_experiment(looks: list[dict]) -> dict:
    """Return the last look that has figures, with its chart."""
    with_figures = [look for look in looks if look.get("figures")]
    if not with_figures:
        return {}
    last = with_figures[-1]
    return last | {"chart": charts.interval_chart(last["figures"].get("over_time", []))}
