"""An artifact that a step has a reason not to make: a folder that holds the reason, which later steps pass on.

A pipeline's branches cannot hand one of two artifacts on, for kfp's local runner knows none of it. So every step runs,
and one that has nothing to work on says so and ends.
"""

import json
from pathlib import Path

from components.step_result import StepResult

FILE = "absent.json"


def leave_out(folder: str | Path, reason: str) -> StepResult:
    """Write the reason in place of an artifact, and return the step's result."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({"reason": reason}))
    return absent_result(reason)


def absence_reason(folder: str | Path) -> str:
    """Return why there is no artifact in a folder, or nothing where there is one."""
    path = Path(folder) / FILE
    return json.loads(path.read_text())["reason"] if path.exists() else ""


def write_refusal(reason: str, permit: str | Path) -> None:
    """Write why a step behind has nothing to do, or nothing, to a permit."""
    Path(permit).write_text(reason)


def read_refusal(permit: str | Path) -> str:
    """Return the reason that a permit holds against a step, or ""."""
    return Path(permit).read_text()


def absent_result(reason: str) -> StepResult:
    """Return the result of a step that has nothing to do."""
    return StepResult(0, 0, headline=f"none: {reason}", details={"absent": reason, "version": ""})
