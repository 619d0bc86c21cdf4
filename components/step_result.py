"""A step's result (counts, headline, details), as a kfp Metrics artifact and as JSON, and its progress."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class StepResult:
    """What a step did with its rows.

    Raises:
        ValueError: rows_in is not rows_out + quarantined.
    """

    rows_in: int
    rows_out: int
    quarantined: int = 0
    headline: str = ""  # one line for the terminal's table
    details: Mapping = field(default_factory=dict)  # whatever else is worth keeping, by name

    def __post_init__(self):
        if self.rows_in != self.rows_out + self.quarantined:
            counts = f"{self.rows_in} in, {self.rows_out} out, {self.quarantined} quarantined"
            raise ValueError(f"the counts of this step do not add up: {counts}")

    def to_dict(self) -> dict:
        """Return counts, headline and details in one flat dictionary."""
        counts = {"rows_in": self.rows_in, "rows_out": self.rows_out, "quarantined": self.quarantined}
        return dict(self.details) | counts | {"headline": self.headline}


def record(metrics, result: StepResult) -> None:
    """Log a result's numbers as metrics and write it as JSON to the artifact's path.

    The file matters: kfp's cache takes an artifact without one for missing and runs the step again.
    """
    values = result.to_dict()
    for name, value in values.items():
        if isinstance(value, (int, float)):
            metrics.log_metric(name, value)
    Path(metrics.path).parent.mkdir(parents=True, exist_ok=True)
    Path(metrics.path).write_text(json.dumps(values, allow_nan=False))


class Progress:
    """Prints `::progress DONE TOTAL WHAT` at most every half second."""

    def __init__(self, total: int, what: str):
        self.total = total
        self.what = what
        self.count = 0
        self.last = 0.0

    def advance(self, by: int = 1) -> None:
        """Report that `by` more are done."""
        self.count += by
        if self.count >= self.total or time.monotonic() - self.last > 0.5:
            self.last = time.monotonic()
            self.show()

    def show(self) -> None:
        """Print the line that a pipeline's log is read for."""
        print(f"::progress {self.count} {self.total} {self.what}", file=sys.stderr, flush=True)


class CommandProgress(Progress):
    """Prints `DONE of TOTAL WHAT` for a person, on one line of a terminal."""

    def show(self) -> None:
        """Print the line that a person reads."""
        is_overwritten = self.count < self.total and sys.stderr.isatty()
        end = "\r" if is_overwritten else "\n"
        print(f"{self.count:,} of {self.total:,} {self.what}", end=end, file=sys.stderr, flush=True)
