"""What unjudged pairs gave a student, as its package's lineage and model card say it."""

import json
from collections.abc import Mapping
from pathlib import Path

from components import contracts
from components.student.dataset import ExampleCounts

FILE = "unjudged.json"  # of the student's folder, where there are any


def describe_unjudged(counts: ExampleCounts, labels: str | Path) -> dict:
    """Return what unjudged pairs gave: how many, by whose labels, how sure.

    The confidence is the mean over the teacher's labels of all pairs. It is None without any.
    """
    total = 0
    confidence = 0.0
    teachers = set()
    for row in contracts.read_batches(contracts.TEACHER_LABELS, labels) if labels else ():
        total += 1
        confidence += row["confidence"]
        teachers.add(row["teacher"])
    return {
        "unjudged": counts.unjudged_pairs,
        "labelled": counts.labelled_pairs,
        "labelled_by": sorted(teachers),
        "mean_confidence": round(confidence / total, 4) if total else None,
    }


def write_unjudged(usage: Mapping, folder: Path) -> None:
    """Write the description beside a student that saw unjudged pairs."""
    if usage["unjudged"]:
        (folder / FILE).write_text(json.dumps(usage))


def read_unjudged(folder: Path) -> dict:
    """Return the description beside a student, {} where it saw judged pairs alone."""
    path = folder / FILE
    return json.loads(path.read_text()) if path.exists() else {}
