"""What the teacher's papers decide. It imports no torch, so that a profile is read without it."""

from dataclasses import dataclass

from components.config import JsonConfig


@dataclass(frozen=True)
class SftConfig(JsonConfig):
    """The paper's figures (second-hand): r 16, 3 epochs, 5e-5. `rows` caps what is trained on; 0 takes all."""

    rank: int = 16  # of LoRA; 0 tunes all weights, which teaches a small model faster
    epochs: float = 3.0
    learning_rate: float = 5e-5
    batch_size: int = 8  # rows of one update, over all GPUs
    accumulate: int = 1  # an update is the mean of so many batches, where memory is short
    max_length: int = 1024
    rows: int = 0
    balanced: bool = False  # no label has more rows than the rarest
    packing: bool = False  # several rows in one sequence of max_length; needs flash attention
    max_steps: int = -1
    save_steps: int = 50  # a checkpoint is written so often
    seed: int = 0


@dataclass(frozen=True)
class DpoConfig(JsonConfig):
    """The paper's figures (second-hand): 3 epochs, 5e-6. `rows` caps the pairs trained on; 0 takes all.

    On the pairs of `held_out` of the queries the margin is measured before and after; a training of at least
    NOTICED_STEPS that does not raise it fails where `strict`, and is a warning elsewhere.
    """

    rank: int = 16
    epochs: float = 3.0
    learning_rate: float = 5e-6
    beta: float = 0.1
    batch_size: int = 4  # pairs of one update, over all GPUs
    accumulate: int = 1  # an update is the mean of so many batches, where memory is short
    max_length: int = 1024
    rows: int = 0
    max_steps: int = -1
    held_out: float = 0.1
    held_out_rows: int = 512  # at most
    strict: bool = True
    save_steps: int = 50  # a checkpoint is written so often
    seed: int = 0
