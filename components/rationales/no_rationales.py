"""The tables of a teacher that is not asked: no rationale, and why."""

from dataclasses import replace
from pathlib import Path

from components import contracts
from components.absence import absent_result
from components.rationales.summary import Summary
from components.step_result import StepResult

UNUSED = dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0)


def write_no_rationales(refusal: str, out: tuple[Path, Path]) -> StepResult:
    """Write both tables without a row, and return the counts that a generation returns.

    The headline has the refusal's first words, before a colon.
    """
    reason = refusal.split(":")[0]
    for schema, path in zip((contracts.RATIONALES, contracts.QUARANTINE), out, strict=True):
        contracts.write([], schema, path)
    result = absent_result(reason)
    summary = Summary()
    details = summary.details() | {"generated": 0, "engine": "none", "model": "", "used": UNUSED}
    return replace(result, details=details | {"summary": summary.state(), "absent": reason})
