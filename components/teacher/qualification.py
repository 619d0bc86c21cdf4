"""Whether a teacher is good enough to train anybody: its labels beside people's, the student's and the commonest.

Shapes: Q queries, C labels. A confusion is (C, C + 1), its last column the answers that broke the form.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.contracts import LABELS
from components.metrics import BootstrapConfig, Interval, accuracy, bootstrap_interval
from components.teacher.config import QualificationConfig
from components.teacher.labeller import LabellerAnswer, LabellerMeasures, Pair, confuse, measure_labeller

COMMONEST = "always naming the commonest label"
STUDENT = "the student that serves"


@dataclass(frozen=True)
class Qualification:
    """A teacher's measures, what it is held to, and what follows for it."""

    pairs: int
    queries: int
    broken_answers: int
    measures: LabellerMeasures
    commonest_label: str
    commonest_accuracy: Interval
    over_commonest: Interval
    student_accuracy: Interval | None  # None: no student scored these pairs
    over_student: Interval | None
    rationales_refusal: str  # why its rationales train no student; "": they do
    labels_refusal: str  # why its labels stand in for no judgement; "": they may
    is_binding: bool

    @property
    def refusal(self) -> str:
        """Return why nobody is trained on its rationales, or nothing where somebody is."""
        return self.rationales_refusal if self.is_binding else ""

    def headline(self) -> str:
        """Return the verdict on the rationales in one sentence."""
        if not self.rationales_refusal:
            score = f"right on {self.measures.accuracy.estimate:.0%} of {self.pairs} held-out pairs"
            return f"the teacher qualifies: {score}, {describe_gap(self.over_commonest, COMMONEST)}"
        return self.rationales_refusal + ("" if self.is_binding else "; it trains all the same, as the profile says")


def qualify(
    answers: Mapping[Pair, LabellerAnswer],
    student: Mapping[Pair, str],
    config: QualificationConfig,
    bootstrap: BootstrapConfig,
) -> Qualification:
    """Measure a teacher on judged pairs and hold it to its bounds.

    `student` are the serving student's labels of the same pairs, or none.

    Raises:
        ValueError: there is no answer, or the student has not scored one of the pairs.
    """
    if not answers:
        raise ValueError("no held-out pair was asked: there is nothing to judge the teacher by")
    queries = confuse(answers, {pair: answer.predicted_label for pair, answer in answers.items()})
    commonest = commonest_label(answers)
    commonest_queries = confuse(answers, dict.fromkeys(answers, commonest))
    over_commonest = bootstrap_interval(queries, accuracy, bootstrap, commonest_queries)
    student_accuracy, over_student = compare_with_student(answers, student, queries, bootstrap)
    return Qualification(
        pairs=len(answers),
        queries=len(queries),
        broken_answers=int(queries[..., -1].sum()),
        measures=measure_labeller(answers, queries, bootstrap),
        commonest_label=commonest,
        commonest_accuracy=bootstrap_interval(commonest_queries, accuracy, bootstrap),
        over_commonest=over_commonest,
        student_accuracy=student_accuracy,
        over_student=over_student,
        rationales_refusal=refuse_rationales(len(answers), over_commonest, config),
        labels_refusal=refuse_labels(len(answers), over_student, config),
        is_binding=config.is_binding,
    )


def compare_with_student(
    answers: Mapping[Pair, LabellerAnswer],
    student: Mapping[Pair, str],
    queries: np.ndarray,
    bootstrap: BootstrapConfig,
) -> tuple[Interval | None, Interval | None]:
    """Return the student's accuracy and the teacher's over it, both None without a student."""
    if not student:
        return None, None
    student_queries = confuse(answers, student_labels(answers, student))
    return (
        bootstrap_interval(student_queries, accuracy, bootstrap),
        bootstrap_interval(queries, accuracy, bootstrap, student_queries),
    )


def commonest_label(answers: Mapping[Pair, LabellerAnswer]) -> str:
    """Return the label that most pairs have, the first in LABELS of several."""
    labels = [answer.label for answer in answers.values()]
    return max(LABELS, key=labels.count)


def student_labels(answers: Mapping[Pair, LabellerAnswer], student: Mapping[Pair, str]) -> dict[Pair, str]:
    """Return the student's label of each pair.

    Raises:
        ValueError: it has not scored one of them.
    """
    if missing := answers.keys() - student.keys():
        raise ValueError(
            f"the student scored {len(student)} pairs, but not {len(missing)} held-out ones: {min(missing)}"
        )
    return {pair: student[pair] for pair in answers}


def refuse_rationales(pairs: int, gap: Interval, config: QualificationConfig) -> str:
    """Return why no student is trained on a teacher's rationales, or nothing."""
    reason = explain_shortfall(pairs, gap, config.over_commonest, config.minimum_pairs)
    return f"the teacher does not qualify: {describe_gap(gap, COMMONEST)}, {reason}" if reason else ""


def refuse_labels(pairs: int, gap: Interval | None, config: QualificationConfig) -> str:
    """Return why a teacher's labels stand in for no judgement, or nothing."""
    if gap is None:
        return "its labels stand in for no judgement: no student scored these pairs to compare with"
    reason = explain_shortfall(pairs, gap, config.over_student, config.minimum_pairs)
    return f"its labels stand in for no judgement: {describe_gap(gap, STUDENT)}, {reason}" if reason else ""


def explain_shortfall(pairs: int, gap: Interval, bound: float, minimum_pairs: int) -> str:
    """Return why a difference on so many pairs does not pass a bound, or nothing."""
    if pairs < minimum_pairs:
        return f"on {pairs} held-out pairs, of which {minimum_pairs} are needed"
    if gap.low is None:
        return f"on {pairs} held-out pairs of one query, which give no interval"
    if gap.low <= bound:
        return f"on {pairs} held-out pairs; the interval has to lie above {100 * bound:g}"
    return ""


def describe_gap(gap: Interval, rival: str) -> str:
    """Return a difference of accuracy in points, with its interval, in words."""
    interval = "" if gap.low is None else f" ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
    return f"{100 * gap.estimate:+.1f} points of accuracy{interval} over {rival}"
