"""Labels from clicks held to people's: what is fixed beforehand, and what comes of it.

The rule is that of a teacher's labels: they train only where they are surely more often right, on judged pairs of the
valid split, than tonight's plain student and the one that serves.
"""

from collections import Counter
from pathlib import Path

from components import contracts
from components.absence import absent_result
from components.metrics import BootstrapConfig
from components.step_result import StepResult
from components.teacher.config import QualificationConfig
from components.teacher.held_out import read_student_labels
from components.teacher.label_qualification import PLAIN, qualify_labels
from components.teacher.labeller import LabellerAnswer
from components.teacher.qualification import STUDENT

CLICKS = "clicks"


def qualify_clicks(
    clicks: str | Path,
    predictions: tuple[str | Path, str | Path],
    config: QualificationConfig,
    bootstrap: BootstrapConfig,
) -> tuple[StepResult, str]:
    """Return the step's result, and why clicks label no unjudged pair, or "".

    `predictions` are the plain and the serving student's. Rows in are the held-out pairs, quarantined those without a
    clear label.
    """
    if not contracts.count(clicks):
        reason = "no judgement from clicks can be used, or click_judgements is off"
        return absent_result(reason), reason
    answers = {}
    agreement = {split: Counter(pairs=0, same=0) for split in ("train", "valid")}
    for row in contracts.read_batches(contracts.CLICK_LABELS, clicks):
        if row["judged_label"] is None:
            continue
        if row["label"]:
            agreement[row["split"]].update(pairs=1, same=row["label"] == row["judged_label"])
        if row["split"] == "valid":
            pair = (row["query_id"], row["item_id"])
            answers[pair] = LabellerAnswer(row["judged_label"], row["label"], row["confidence"])
    students = dict(zip((PLAIN, STUDENT), map(read_student_labels, predictions), strict=True))
    agreement_counts = {split: dict(both) for split, both in agreement.items()}
    result = qualify_labels(answers, students, config, bootstrap, CLICKS)
    return result.step_result("labels from clicks", agreement_with_people=agreement_counts)
