"""What a step says of itself: its counts and figures, in a kfp Metrics artifact and as JSON beside it; and progress.

Every step records rows_in, rows_out and set_aside; what does not add up fails the step.
"""

import json
import sys
import time
from pathlib import Path


def record(metrics, facts: dict) -> None:
    """Log the numbers of `facts` as metrics and write all of it as JSON to the artifact's path.

    The file matters: kfp's cache takes an artifact without one for missing and runs the step again.

    Raises:
        ValueError: rows_in is not rows_out + set_aside.
    """
    if facts["rows_in"] != facts["rows_out"] + facts["set_aside"]:
        counts = {name: facts[name] for name in ("rows_in", "rows_out", "set_aside")}
        raise ValueError(f"rows are lost or made up: {counts}")
    for name, value in facts.items():
        if isinstance(value, (int, float)):
            metrics.log_metric(name, value)
    Path(metrics.path).parent.mkdir(parents=True, exist_ok=True)
    Path(metrics.path).write_text(json.dumps(facts, allow_nan=False))


class Progress:
    """Prints one line at most every half second: `::progress DONE TOTAL WHAT`, which a person or a program reads."""

    def __init__(self, total: int, what: str):
        self.total, self.what, self.done, self.last = total, what, 0, 0.0

    def advance(self, by: int = 1) -> None:
        """Say that `by` more are done."""
        self.done += by
        if self.done >= self.total or time.monotonic() - self.last > 0.5:
            self.last = time.monotonic()
            print(f"::progress {self.done} {self.total} {self.what}", file=sys.stderr, flush=True)
