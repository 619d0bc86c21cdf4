"""Whether a teacher's labels may stand in for judgements: beside tonight's plain student and the one that serves.

Both are compared on the held-out pairs to which the teacher gives a label, for only such labels are used.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from components.absence import absent_result, read_refusal
from components.metrics import BootstrapConfig, Interval, accuracy, bootstrap_interval
from components.step_result import StepResult
from components.teacher.config import QualificationConfig
from components.teacher.held_out import read_student_labels
from components.teacher.labeller import LabellerAnswer, Pair, confuse
from components.teacher.qualification import STUDENT, describe_gap, explain_shortfall, student_labels
from components.teacher.votes import read_votes

PLAIN = "tonight's plain student"
TEACHER = "the teacher"
REFUSAL = "no unjudged pair gets a label"


@dataclass(frozen=True)
class LabelQualification:
    """A teacher's labels of held-out pairs, and what follows for unjudged ones."""

    pairs: int  # that were asked
    labelled_pairs: int  # that got a label
    mean_confidence: float
    accuracy: Interval | None  # of the labels; None without any
    students: dict[str, Interval]  # each student's accuracy on the labelled pairs, by name
    over_students: dict[str, Interval]  # the teacher's less it
    refusal: str  # why its labels train nobody; "": they do

    def headline(self, labels: str = "its labels") -> str:
        """Return the verdict in one sentence."""
        if self.refusal:
            return self.refusal
        gaps = ", ".join(describe_gap(gap, name) for name, gap in self.over_students.items())
        right = f"right on {self.accuracy.estimate:.0%} of {self.labelled_pairs} held-out pairs"
        return f"{labels} qualify: {right}, {gaps}"

    def step_result(self, labels: str = "its labels", **details) -> tuple[StepResult, str]:
        """Return the step's result, and why no unjudged pair gets a label, or "".

        The reason names no figure, so that what follows stays cached where another student serves. Rows in are the
        held-out pairs, quarantined are those without a label.
        """
        counts = (self.pairs, self.labelled_pairs, self.pairs - self.labelled_pairs)
        return StepResult(*counts, self.headline(labels), asdict(self) | details), REFUSAL if self.refusal else ""


def qualify_labels(
    answers: Mapping[Pair, LabellerAnswer],
    students: Mapping[str, Mapping[Pair, str]],
    config: QualificationConfig,
    bootstrap: BootstrapConfig,
    labeller: str = TEACHER,
) -> LabelQualification:
    """Compare a labeller's labels of held-out pairs with those of each student, by name.

    Raises:
        ValueError: a student has not scored one of the pairs.
    """
    clear_answers = {pair: answer for pair, answer in answers.items() if answer.predicted_label is not None}
    if not clear_answers:
        refusal = f"{REFUSAL}: {labeller} gave none to any of {len(answers)} held-out pairs"
        return LabelQualification(len(answers), 0, 0.0, None, {}, {}, refusal)
    queries = confuse(clear_answers, {pair: answer.predicted_label for pair, answer in clear_answers.items()})
    confusions = {
        name: confuse(clear_answers, student_labels(clear_answers, labels)) for name, labels in students.items()
    }
    gaps = {name: bootstrap_interval(queries, accuracy, bootstrap, rival) for name, rival in confusions.items()}
    shortfalls = {name: explain_gap(name, gap, len(clear_answers), config) for name, gap in gaps.items()}
    reasons = [f"{REFUSAL}: those of {labeller} have {shortfall}" for shortfall in shortfalls.values() if shortfall]
    return LabelQualification(
        pairs=len(answers),
        labelled_pairs=len(clear_answers),
        mean_confidence=round(sum(answer.confidence for answer in clear_answers.values()) / len(clear_answers), 4),
        accuracy=bootstrap_interval(queries, accuracy, bootstrap),
        students={name: bootstrap_interval(rival, accuracy, bootstrap) for name, rival in confusions.items()},
        over_students=gaps,
        refusal=next(iter(reasons), ""),
    )


def explain_gap(name: str, gap: Interval, pairs: int, config: QualificationConfig) -> str:
    """Return why a gain of accuracy over a student is not enough, or nothing."""
    reason = explain_shortfall(pairs, gap, config.over_student, config.minimum_pairs)
    return f"{describe_gap(gap, name)}, {reason}" if reason else ""


@dataclass(frozen=True)
class LabelTables:
    """What the teacher answered to held-out pairs, and both students' PREDICTIONS."""

    rationales: str | Path
    quarantine: str | Path
    plain: str | Path
    serving: str | Path


def qualify_night(
    tables: LabelTables, permit: str | Path, config: QualificationConfig, bootstrap: BootstrapConfig
) -> tuple[StepResult, str]:
    """Return the step's result, and why no unjudged pair gets a label, or "".

    `permit` holds a reason that was known before the teacher was asked.
    """
    if reason := read_refusal(permit):
        result = absent_result(reason)
        return replace(result, details=result.details | {"refusal": reason}), reason
    answers = {}
    for votes in read_votes(tables.rationales, tables.quarantine):
        pair = (votes.query_id, votes.item_id)
        answers[pair] = LabellerAnswer(votes.judged_label, votes.label, votes.confidence)
    students = {PLAIN: read_student_labels(tables.plain), STUDENT: read_student_labels(tables.serving)}
    return qualify_labels(answers, students, config, bootstrap).step_result()
