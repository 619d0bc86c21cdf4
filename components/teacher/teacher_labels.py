"""A qualified teacher's labels of unjudged pairs, with their weights, as the student's loss takes them."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from components import contracts
from components.absence import absent_result, read_refusal, write_refusal
from components.settings import Settings
from components.step_result import StepResult
from components.teacher.config import TeacherLabelsConfig
from components.teacher.votes import Votes, read_votes

NAMES = {"local": "the tuned teacher", "endpoint": "the model of BROADFAST_LLM_ENDPOINT"}


def plan_labels(unjudged_pairs: str | Path, config: TeacherLabelsConfig) -> str:
    """Return why no teacher is asked for labels, or "".

    Raises:
        ValueError: the configuration is wrong, or the endpoint is not named; with the remedy.
    """
    config.check()
    if config.teacher == "off":
        return "teacher_labels is off"
    if not contracts.count(unjudged_pairs):
        return "there is no unjudged pair"
    if config.teacher == "endpoint" and not Settings().llm_endpoint:
        raise ValueError("teacher_labels, teacher is 'endpoint': set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1")
    return ""


def write_plan(reason: str, permit: str | Path) -> StepResult:
    """Write why no teacher is asked, or nothing, for the steps behind."""
    write_refusal(reason, permit)
    return absent_result(reason) if reason else StepResult(0, 0, headline="the teacher is asked")


def label_unjudged(
    rationales: tuple[str | Path, str | Path], permit: str | Path, facts: str | Path, config: TeacherLabelsConfig, out
) -> StepResult:
    """Write TEACHER_LABELS of unjudged pairs from the answers, RATIONALES and QUARANTINE.

    Rows in are the pairs that were asked, quarantined those without a clear label. `facts` are of the step that asked.
    """
    if reason := read_refusal(permit):
        contracts.write([], contracts.TEACHER_LABELS, out)
        return replace(absent_result(reason), headline=f"none: {reason.split(':')[0]}")
    counts: Counter = Counter()
    count = contracts.write_batches(label_rows(rationales, config.weight, counts), contracts.TEACHER_LABELS, out)
    mean_confidence = round(counts["confidence"] / count, 4) if count else None
    model = json.loads(Path(facts).read_text())["model"]
    details = {
        "labels": {label: counts[label] for label in contracts.LABELS},
        "mean_confidence": mean_confidence,
        "teacher": f"{NAMES[config.teacher]} ({model})",
        "weight": config.weight,
    }
    total = counts["pairs"]
    headline = f"{count:,} of {total:,} pairs by {details['teacher']}"
    headline += f", mean confidence {mean_confidence:.2f}" if count else ""
    return StepResult(total, count, total - count, headline, details)


def label_rows(tables: tuple, weight: float, counts: Counter) -> Iterator[dict]:
    """Yield TEACHER_LABELS rows of the pairs with a clear label, and count all pairs."""
    for votes in read_votes(*tables):
        counts["pairs"] += 1
        if votes.label is not None:
            counts.update({votes.label: 1, "confidence": votes.confidence})
            yield label_row(votes, weight)


def label_row(votes: Votes, weight: float) -> dict:
    """Return the TEACHER_LABELS row of a clear label."""
    return {
        "query_id": votes.query_id,
        "item_id": votes.item_id,
        "label": votes.label,
        "confidence": votes.confidence,
        "weight": weight * votes.confidence,
        "answers": votes.answers,
        "teacher": votes.teacher,
    }
