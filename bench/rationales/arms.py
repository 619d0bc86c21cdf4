"""The arms of the comparison: by how many queries are judged, and how many of the teacher's facts are right."""

from dataclasses import dataclass, replace

from bench.rationales.stand_in import FACTS, STATES
from components.student.config import LrkdConfig
from pipelines.profiles import laptop

BUDGETS = (30, 120, 355)  # judged queries
ACCURACIES = (0.6, 0.8, 0.95, 1.0)  # of a stand-in teacher's facts
ALIGN_WEIGHT = 3.0  # lambda, as the pilot chose it
EPOCHS = 1  # over the unjudged pairs
# more epochs, other learning rates and a frozen encoder were tried on train queries
STUDENT = replace(laptop().student, max_length=48, trained_layers=2, head_learning_rate=5e-4)
CROSS_ENTROPY = "cross-entropy"  # as many updates as the arms that read unjudged pairs
CROSS_ENTROPY_SHORT = "cross-entropy, a quarter of the updates"  # so that nothing gains by a baseline that overfits
BASELINES = (CROSS_ENTROPY, CROSS_ENTROPY_SHORT)
LRKD = "LRKD"
LRKD_FACTS = "LRKD, with values"  # of what is asked and offered: the topic
PLACEBO = "placebo over all pairs"
PLACEBO_WITHIN = "placebo within label and kind"
LABELS = "teacher's labels"
BOTH = "LRKD and labels"
TEACHER_ARMS = (LRKD, LABELS, PLACEBO_WITHIN, BOTH, PLACEBO, LRKD_FACTS)
WITH_LABELS = (LABELS, BOTH)
ALIGNED = (LRKD, LRKD_FACTS, PLACEBO, PLACEBO_WITHIN, BOTH)


@dataclass(frozen=True)
class Arm:
    """One student's setting, without its seed."""

    title: str
    queries: int  # judged
    accuracy: float = 0.0  # of the teacher's facts; 0: no teacher

    @property
    def name(self) -> str:
        """Return its name in files and tables."""
        teacher = f", facts {self.accuracy:.0%} right" if self.accuracy else ""
        return f"{self.queries} queries: {self.title}{teacher}"

    @property
    def target(self) -> str:
        """Return which text of the facts is embedded."""
        return FACTS if self.title == LRKD_FACTS else STATES

    def config(self, judged_pairs: int, unjudged_pairs: int) -> LrkdConfig:
        """Return the student's configuration. All arms have as many updates.

        Of what a student reads beside unjudged pairs, half is judged, or as much as there is.
        """
        judged_rows = judged_pairs * max(unjudged_pairs // judged_pairs, 1)  # as `repeat_labelled` reads them
        rows = judged_rows + unjudged_pairs
        if self.title in BASELINES:
            rows = judged_pairs
        elif self.title in WITH_LABELS:
            rows = judged_pairs + unjudged_pairs
        epochs = EPOCHS * 2 * unjudged_pairs / rows
        if self.title == CROSS_ENTROPY_SHORT:
            epochs /= 4
        weight = ALIGN_WEIGHT if self.title in ALIGNED else 0.0
        return replace(STUDENT, align_weight=weight, epochs=round(epochs, 2))


def all_arms() -> list[Arm]:
    """Return every arm, those that decide first."""
    arms = []
    for queries in BUDGETS:
        arms += [Arm(title, queries) for title in BASELINES]
        for accuracy in sorted(ACCURACIES, key=lambda accuracy: accuracy != 0.8):
            arms += [Arm(title, queries, accuracy) for title in TEACHER_ARMS]
    return arms
