"""Configurations of SFT, DPO, the bounds of a teacher and its labels; reading them imports no torch."""

from dataclasses import dataclass

from components.config import JsonConfig
from components.metrics import BootstrapConfig

MARGIN_STEPS = 50  # a shorter DPO training may well move nothing


@dataclass(frozen=True)
class SftConfig(JsonConfig):
    """How SFT trains, with the paper's figures (second-hand): r 16, 3 epochs, 5e-5."""

    rank: int = 16  # of LoRA; 0 tunes all weights, which teaches a small model faster
    trained_layers: int = 0  # the last ones, through which alone gradients go; 0: all, and the embeddings
    epochs: float = 3.0
    learning_rate: float = 5e-5
    batch_size: int = 8  # rows of one update, over all GPUs
    accumulate: int = 1  # an update is the mean of so many batches, where memory is short
    max_length: int = 1024
    rows: int = 0  # at most; 0 takes all
    balance_labels: bool = False  # no label has more rows than the rarest
    packing: bool = False  # several rows in one sequence of max_length; needs flash attention
    max_steps: int = -1
    save_steps: int = 50  # a checkpoint is written so often
    seed: int = 0


@dataclass(frozen=True)
class DpoConfig(JsonConfig):
    """How DPO trains, with the paper's figures (second-hand): 3 epochs, 5e-6.

    The margin on the pairs of `held_out` of the queries is measured before and after. A training of at least
    MARGIN_STEPS that does not raise it fails where `strict`, and is a warning elsewhere.
    """

    rank: int = 16
    trained_layers: int = 0  # the last ones, through which alone gradients go; 0: all
    epochs: float = 3.0
    learning_rate: float = 5e-6
    beta: float = 0.1
    batch_size: int = 4  # pairs of one update, over all GPUs
    accumulate: int = 1  # an update is the mean of so many batches, where memory is short
    max_length: int = 1024
    rows: int = 0  # pairs at most; 0 takes all
    max_steps: int = -1
    held_out: float = 0.1
    held_out_rows: int = 512  # at most
    strict: bool = True
    save_steps: int = 50  # a checkpoint is written so often
    seed: int = 0


@dataclass(frozen=True)
class QualificationConfig(JsonConfig):
    """Bounds that a teacher has to pass on held-out judgements, fixed before it is measured.

    Both are differences of accuracy on the same pairs, of which the lower bound of the interval counts.
    """

    minimum_pairs: int = 20  # fewer tell nothing
    over_commonest: float = 0.0  # above always naming the commonest label: else its rationales train no student
    over_student: float = 0.0  # above the serving student: else its labels stand in for no judgement
    is_binding: bool = True  # false: a teacher is measured, and trains whatever comes out


def read_bounds(config: str, bootstrap: str) -> tuple[QualificationConfig, BootstrapConfig]:
    """Return bounds and how their intervals are drawn, from JSON."""
    return QualificationConfig.from_json(config), BootstrapConfig.from_json(bootstrap)


LABELLERS = ("off", "local", "endpoint")


@dataclass(frozen=True)
class TeacherLabelsConfig(JsonConfig):
    """Who labels unjudged pairs, and what such a label counts.

    A teacher's labels are used only where they are measured to be more often right than those of the plain student and
    of the serving one, on held-out judgements, by the bounds of QualificationConfig.
    """

    teacher: str = "off"  # off; local: the night's own; endpoint: the chat model of BROADFAST_LLM_ENDPOINT
    pairs: int = 200  # held-out ones that it is measured on
    weight: float = 1.0  # of a label that all answers agree on, beside 1 of a judged one; others count by their share

    def check(self) -> None:
        """Check the values.

        Raises:
            ValueError: names the field and what it may be.
        """
        if self.teacher not in LABELLERS:
            raise ValueError(f"teacher_labels, teacher is {self.teacher!r}: it is one of {', '.join(LABELLERS)}")
        if self.pairs < 1:
            raise ValueError(f"teacher_labels, pairs is {self.pairs}: give a whole number from 1")
        if not 0 < self.weight <= 1:
            raise ValueError(f"teacher_labels, weight is {self.weight}: give a number above 0, at most 1")
