"""Configuration of the student. It imports no torch, so that a profile is read without it."""

from dataclasses import dataclass
from typing import ClassVar

from components.config import JsonConfig


@dataclass(frozen=True)
class LrkdConfig(JsonConfig):
    """Student, loss and training budget, with the paper's figures (second-hand) as defaults."""

    encoder: str = "bert-base-multilingual-uncased"
    architecture: str = "cross_encoder"  # or late_interaction, which encodes items ahead of any query
    extractor: str = "mlp"  # or poly, gat: of a cross-encoder
    align_weight: float = 0.1  # lambda of the distillation loss; 0 is plain cross-entropy
    max_length: int = 128  # tokens of query and item
    class_weights: float = 0.0  # power of the labels' inverse frequencies: 0.5 their square roots, 1 balanced
    epochs: float = 5  # 0: of a late-interaction student the head is fitted, and nothing is trained
    trained_layers: int = 0  # of the encoder, the last ones; 0: all, and the embeddings; -1: none, the head alone
    learning_rate: float = 2e-6
    head_learning_rate: float = 2e-5
    batch_size: int = 32  # of an update, over all GPUs
    save_steps: int = 0  # steps between checkpoints on S3; 0: none
    train_share: float = 1.0  # of the train queries
    seed: int = 0

    accumulate: ClassVar[int] = 1  # batches of an update: a student's batch fits into memory

    @property
    def query_length(self) -> int:
        """Return how many of the tokens are the query's at most."""
        return min(32, self.max_length // 3)

    @property
    def distillation(self) -> str:
        """Name what is distilled: `lrkd`, or `none` for plain cross-entropy."""
        return "lrkd" if self.align_weight else "none"
