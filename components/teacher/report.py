"""The page on the teacher: perspectives, agreement, repairs, the stages on held-out pairs, samples, tokens, audit."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from components.contracts import LABELS
from components.step_result import StepResult
from components.teacher.compare import CompareConfig, TeacherEvaluation, compare

MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "parse_rate": "form kept",
}


def report(
    held_out: Mapping[str, tuple[Path, Path]], facts: Mapping[str, Path], config: CompareConfig, page: str | Path
) -> StepResult:
    """Compare the stages on held-out pairs and write the page.

    `facts` are the results of the steps sampled, sft, dpo, final and audit. Rows in are the answers of all stages;
    those that broke the form are quarantined.
    """
    evaluation = compare(held_out, config)
    results = {name: json.loads(Path(path).read_text()) for name, path in facts.items()}
    Path(page).parent.mkdir(parents=True, exist_ok=True)
    Path(page).write_text(render_page(evaluation, results), encoding="utf-8", errors="replace")
    total = evaluation.pairs * len(evaluation.stages)
    quarantined_rows = evaluation.broken_answers
    details = flat_scores(evaluation) | asdict(evaluation)
    return StepResult(total, total - quarantined_rows, quarantined_rows, evaluation.headline(), details)


def flat_scores(evaluation: TeacherEvaluation) -> dict[str, float]:
    """Return every stage's estimates by `measure_stage`, as metrics are logged."""
    return {
        f"{measure}_{name.lower().replace(' + ', '_')}": getattr(stage, measure).estimate
        for name, stage in evaluation.stages.items()
        for measure in MEASURES
    }


def render_page(evaluation: TeacherEvaluation, results: Mapping[str, Mapping]) -> str:
    """Render the self-contained page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: "–" if value is None else f"{100 * value:.1f}%"
    template = environment.get_template("report.html.j2")
    return template.render(evaluation=evaluation, **results, measures=MEASURES, labels=LABELS)
