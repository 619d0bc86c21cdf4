"""The tables of a teacher that does not qualify: no rationale, and why."""

from dataclasses import replace
from pathlib import Path

from components import contracts
from components.absence import absent_result
from components.rationales.summary import Summary
from components.step_result import StepResult

REASON = "the teacher does not qualify"
UNUSED = dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0)


def is_refused(permit: str | Path) -> bool:
    """Return True where the permit holds a reason against the teacher."""
    return bool(Path(permit).read_text())


def write_no_rationales(out: tuple[Path, Path]) -> StepResult:
    """Write both tables without a row, and return the counts that a generation returns."""
    for schema, path in zip((contracts.RATIONALES, contracts.QUARANTINE), out, strict=True):
        contracts.write([], schema, path)
    result = absent_result(REASON)
    summary = Summary()
    details = summary.details() | {"generated": 0, "engine": "none", "used": UNUSED, "summary": summary.state()}
    return replace(result, details=details | {"absent": REASON})
