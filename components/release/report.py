"""The gate's verdict as one self-contained page, and as the result of its step."""

from pathlib import Path

from components.html import render
from components.release.gate_verdict import GateVerdict
from components.step_result import StepResult

TEMPLATE = Path(__file__).parent / "gate.html.j2"


def gate_page(verdict: GateVerdict, baseline_name: str) -> str:
    """Return a page with the verdict, its reasons, metrics, slices and both confusion matrices."""
    return render(TEMPLATE, {"verdict": verdict, "baseline_name": baseline_name})


def gate_result(verdict: GateVerdict, baseline_name: str) -> StepResult:
    """Return what the gate's step did, with the whole verdict in the details."""
    candidate = verdict.metrics["candidate"]
    baseline = verdict.metrics["baseline"]
    headline = f"{verdict.verdict}: macro-F1 {candidate['macro_f1']:.3f} against {baseline['macro_f1']:.3f}"
    numbers = {f"candidate_{name}": value for name, value in candidate.items()}
    details = {"baseline_name": baseline_name} | numbers | verdict.to_json()
    return StepResult(verdict.rows, verdict.rows, headline=headline, details=details)
