"""The candidate of a night: the distilled student (LRKD) or the plain one, by a rule that is fixed beforehand.

Both score the same rows. LRKD is the candidate where its macro-F1 is above that of the plain student by more than the
gate's configuration says. The interval says whether that is more than chance, and decides nothing: the run keeps the
better of its two students.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from components import contracts, package_manifest
from components.absence import absence_reason
from components.chosen_student import LRKD, PLAIN, choose_artifact
from components.release.compare import Bootstrap, compare
from components.release.gate import GateConfig
from components.release.gate_verdict import Difference, StudentChoice
from components.release.predictions import check_same_rows, load_predictions
from components.step_result import StepResult


@dataclass(frozen=True)
class ScoredStudent:
    """A student's package, and its PREDICTIONS of the valid split."""

    package: str
    predictions: str


def choose_student(
    lrkd: ScoredStudent, plain: ScoredStudent, refusal: str, config: GateConfig, out: str
) -> StudentChoice:
    """Choose of the LRKD and the plain student, and copy the choice's predictions to `out`.

    `refusal` is why the teacher's rationales train nobody. Where LRKD's package is absent, the plain student is the
    candidate: without rationales a student may still learn from a teacher's labels.
    """
    absence = absence_reason(lrkd.package)
    choice = choose_plain(plain, refusal or absence) if absence else choose_better(lrkd, plain, config)
    shutil.copy(choose_artifact(choice.student, lrkd, plain).predictions, out)
    return choice


def choose_plain(plain: ScoredStudent, reason: str) -> StudentChoice:
    """Return the choice of a night without a distilled student."""
    metrics = load_predictions(Path(plain.predictions)).metrics()
    return StudentChoice(PLAIN, f"The plain student is the candidate, because {reason}", {PLAIN: metrics})


def choose_better(lrkd: ScoredStudent, plain: ScoredStudent, config: GateConfig) -> StudentChoice:
    """Return the choice between two students that scored the same rows.

    Raises:
        ValueError: they scored other rows, or one a row twice.
    """
    new, old = (load_predictions(Path(student.predictions)) for student in (lrkd, plain))
    check_same_rows(new, old)
    bootstrap = Bootstrap(config.bootstrap_samples, config.confidence, config.seed, config.minimum_slice_rows)
    differences = compare(new, old, bootstrap).overall
    gain = differences["macro_f1"]
    student = LRKD if gain.difference > config.lrkd_gain else PLAIN
    sentence = describe_gain(gain, len(new.label), config.lrkd_gain)
    return StudentChoice(student, sentence, {LRKD: new.metrics(), PLAIN: old.metrics()}, differences)


def describe_gain(gain: Difference, rows: int, minimum: float) -> str:
    """Return LRKD's gain over the plain student, and the candidate, in words."""
    interval = f"{gain.difference:+.4f} of macro-F1 ({gain.low:+.4f} to {gain.high:+.4f})"
    comparison = f"LRKD gains {interval} over the plain student on the same {rows:,} pairs"
    if gain.difference > minimum:
        return f"{comparison}, more than {minimum:g}: it is the candidate"
    return f"{comparison}, no more than {minimum:g}: the plain student is the candidate"


def choice_result(choice: StudentChoice, lrkd: ScoredStudent, plain: ScoredStudent) -> StepResult:
    """Return what the step did, with the whole choice in the details."""
    chosen_student = choose_artifact(choice.student, lrkd, plain)
    rows = contracts.count(chosen_student.predictions)
    details = choice.to_json() | {"version": package_manifest.version(chosen_student.package)}
    return StepResult(rows, rows, headline=choice.sentence, details=details)
