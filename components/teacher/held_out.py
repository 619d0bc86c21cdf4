"""The teacher held to its bounds by what it answered to held-out pairs, beside the serving student's predictions."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from components import contracts
from components.absence import write_refusal
from components.metrics import BootstrapConfig
from components.step_result import StepResult
from components.teacher.compare import predictions
from components.teacher.config import QualificationConfig
from components.teacher.labeller import LabellerAnswer, Pair, mean_probability
from components.teacher.qualification import Qualification, qualify


@dataclass(frozen=True)
class HeldOutTables:
    """What the teacher answered to held-out pairs, what that took, and the student's PREDICTIONS."""

    rationales: str | Path
    quarantine: str | Path
    facts: str | Path  # of the step that asked
    predictions: str | Path


def qualify_teacher(
    tables: HeldOutTables, config: QualificationConfig, bootstrap: BootstrapConfig, usd_per_hour: float
) -> tuple[StepResult, str]:
    """Hold a teacher to its bounds: return the result, and why it trains nobody.

    The reason is "" where it trains. Rows in are the held-out pairs, quarantined are the answers that break the form.
    """
    answers = read_answers(tables.rationales, tables.quarantine)
    qualification = qualify(answers, read_student_labels(tables.predictions), config, bootstrap)
    cost = cost_of_1000_pairs(json.loads(Path(tables.facts).read_text()), qualification.pairs, usd_per_hour)
    return step_result(qualification, cost), qualification.refusal


def write_permit(refusal: str, permit: str | Path) -> StepResult:
    """Write why a teacher may not write final rationales, or nothing.

    Who reads the file does not change with the figures that led there: what a permitted teacher wrote stays cached.
    """
    write_refusal(refusal, permit)
    return StepResult(1, int(not refusal), int(bool(refusal)), "no" if refusal else "yes")


def step_result(qualification: Qualification, cost: Mapping) -> StepResult:
    """Return the counts, the verdict's sentence, and every measure by name."""
    estimates = {
        name: interval["estimate"] for name, interval in asdict(qualification.measures).items() if interval is not None
    }
    details = estimates | asdict(qualification) | cost | {"refusal": qualification.refusal}
    quarantined_rows = qualification.broken_answers
    rows_out = qualification.pairs - quarantined_rows
    return StepResult(qualification.pairs, rows_out, quarantined_rows, qualification.headline(), details)


def read_answers(rationales: str | Path, quarantine: str | Path) -> dict[Pair, LabellerAnswer]:
    """Return the majority answer to each pair, with its mean probability."""
    probabilities: dict[Pair, list] = defaultdict(list)
    for row in contracts.read_batches(contracts.RATIONALES, rationales):
        if row["label_probabilities"]:
            probabilities[row["query_id"], row["item_id"]].append(row["label_probabilities"])
    answers = {}
    for pair, (label, predicted_label) in predictions(Path(rationales), Path(quarantine)).items():
        has_confidence = predicted_label is not None and pair in probabilities
        confidence = mean_probability(probabilities[pair], predicted_label) if has_confidence else None
        answers[pair] = LabellerAnswer(label, predicted_label, confidence)
    return answers


def read_student_labels(path: str | Path) -> dict[Pair, str]:
    """Return the student's predicted label by query and item."""
    rows = contracts.read_batches(contracts.PREDICTIONS, path)
    return {(row["query_id"], row["item_id"]): row["predicted_label"] for row in rows}


def cost_of_1000_pairs(facts: Mapping, pairs: int, usd_per_hour: float) -> dict[str, float | None]:
    """Return seconds and US dollars for 1,000 pairs.

    Answers from the store took nothing: the new ones stand for them. Without a new one, or a price, there is None.
    """
    used = facts["used"]
    if not used["requests"]:
        return {"seconds_per_1000_pairs": None, "usd_per_1000_pairs": None}
    share_asked = min(1.0, used["requests"] / facts["rows_in"])
    seconds = 1000 * used["seconds"] / share_asked / pairs
    usd = round(seconds / 3600 * usd_per_hour, 4) if usd_per_hour else None
    return {"seconds_per_1000_pairs": round(seconds, 3), "usd_per_1000_pairs": usd}
