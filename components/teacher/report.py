"""The page on the teacher: perspectives, agreement, repairs, the stages on held-out pairs, samples, tokens, audit."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from components.contracts import LABELS
from components.html import percent, render
from components.metrics import BootstrapConfig
from components.step_result import StepResult
from components.teacher.compare import TeacherEvaluation, compare

TEMPLATE = Path(__file__).parent / "report.html.j2"
MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "parse_rate": "form kept",
}


def report(
    held_out: Mapping[str, tuple[Path, Path]], facts: Mapping[str, Path], config: BootstrapConfig, page: str | Path
) -> StepResult:
    """Compare the stages on held-out pairs and write the page.

    `facts` are the results of the steps sampled, sft, dpo, final, audit and qualified. Rows in are the answers of all
    stages; those that broke the form are quarantined.
    """
    evaluation = compare(held_out, config)
    results = {name: json.loads(Path(path).read_text()) for name, path in facts.items()}
    Path(page).parent.mkdir(parents=True, exist_ok=True)
    context = {"evaluation": evaluation, **results, "measures": MEASURES, "labels": LABELS}
    text = render(TEMPLATE, context, {"percent": percent})
    Path(page).write_text(text, encoding="utf-8", errors="replace")
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
