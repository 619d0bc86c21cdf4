"""The student: a cross-encoder whose latent reasoning stays at inference, and the LRKD loss.

B pairs, T tokens, H encoder width, E rationale-embedding width, C levels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.config import JsonConfig
from components.contracts import LABELS
from components.models import model_path
from components.student.extractors import EXTRACTORS


@dataclass(frozen=True)
class LrkdConfig(JsonConfig):
    """The paper's figures (second-hand) but for `reduction`.

    Mean-reduced squared error against a unit vector of 1024 numbers is about 1e-3, so lambda 0.1 would do nothing;
    the default is therefore the cosine distance, whose scale does not depend on the width.
    """

    encoder: str = "bert-base-multilingual-uncased"
    extractor: str = "mlp"
    variant: str = "lrkd"  # or cross_entropy: the same model without alignment
    max_length: int = 128  # tokens of query and item
    align_weight: float = 0.1  # lambda
    reduction: str = "cosine"  # or mean, sum: of the squared error
    normalise: bool = True  # targets to unit length
    epochs: float = 5
    learning_rate: float = 2e-6
    head_learning_rate: float = 2e-5
    batch_size: int = 32
    train_share: float = 1.0  # of the train queries
    calibration_share: float = 0.1  # of those, kept out of training to fit the temperature
    seed: int = 0


class Student(nn.Module):
    """Encoder, extractor, and a classifier over the pair's [CLS] state beside its reasoning."""

    def __init__(self, encoder: nn.Module, extractor: str, embedding_width: int):
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.extractor = EXTRACTORS[extractor](width, embedding_width)
        self.classifier = nn.Linear(width + embedding_width, len(LABELS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        tokens = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        states = self.encoder(**tokens).last_hidden_state  # (B, T, H)
        reasoning = self.extractor(states, attention_mask)  # (B, E)
        logits = self.classifier(torch.cat([states[:, 0], reasoning], -1))  # (B, C)
        return logits, reasoning


def new_student(config: LrkdConfig, embedding_width: int) -> Student:
    """A student with a pretrained encoder and a new head."""
    from transformers import AutoModel

    encoder = AutoModel.from_pretrained(model_path(config.encoder), add_pooling_layer=False)
    return Student(encoder, config.extractor, embedding_width)


def alignment(reasoning: Tensor, targets: Tensor, known: Tensor, config: LrkdConfig) -> Tensor:
    """Distance of the reasoning (B, E) from the rationales' embeddings (B, E), over the pairs that have one (B,)."""
    if config.normalise:
        targets = F.normalize(targets, dim=-1)
    if config.reduction == "cosine":
        distance = 1 - F.cosine_similarity(reasoning, targets, dim=-1)  # (B,)
    else:
        error = (reasoning - targets) ** 2  # (B, E)
        distance = error.mean(-1) if config.reduction == "mean" else error.sum(-1)  # (B,)
    known = known.to(distance.dtype)
    return (distance * known).sum() / known.sum().clamp(min=1)


def lrkd_terms(output: tuple[Tensor, Tensor], labels: Tensor, targets: Tensor, known: Tensor, config: LrkdConfig):
    """Cross-entropy on the judgement, and the alignment of latent reasoning to the teacher's rationale (LRKD loss)."""
    logits, reasoning = output
    return F.cross_entropy(logits, labels), alignment(reasoning, targets, known, config)
