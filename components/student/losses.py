"""The student's losses: on the judgement, on the teacher's rationale (LRKD), and on the teacher's label probabilities.

B pairs, E rationale-embedding width, C labels. `known` says which pairs have a rationale.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from components.student.config import LrkdConfig

VARIANTS = ("lrkd", "cross_entropy", "soft_labels", "auxiliary")


def second_term(output: tuple[Tensor, Tensor], batch: dict[str, Tensor], config: LrkdConfig) -> Tensor:
    """What stands beside cross-entropy on the judgement: alignment, or soft labels; also measured at no weight.

    Raises:
        ValueError: a variant that does not exist.
    """
    if config.variant not in VARIANTS:
        raise ValueError(f"student_config's variant is {config.variant!r}: choose of {', '.join(VARIANTS)}")
    logits, reasoning = output
    if config.variant == "soft_labels":
        return soft_labels(logits, batch["probabilities"], batch["known"])
    return alignment(reasoning, batch["targets"], batch["known"], config)


def alignment(reasoning: Tensor, targets: Tensor, known: Tensor, config: LrkdConfig) -> Tensor:
    """Distance of the reasoning (B, E) from the rationales' embeddings (B, E), over the pairs that have one (B,)."""
    if config.normalise:
        targets = F.normalize(targets, dim=-1)
    if config.reduction == "cosine":
        distance = 1 - F.cosine_similarity(reasoning, targets, dim=-1)  # (B,)
    else:
        error = (reasoning - targets) ** 2  # (B, E)
        distance = error.mean(-1) if config.reduction == "mean" else error.sum(-1)  # (B,)
    return over_known(distance, known)


def soft_labels(logits: Tensor, probabilities: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy against the teacher's label probabilities (B, C) (Hinton et al. 2015, temperature 1)."""
    return over_known(-(probabilities * logits.log_softmax(-1)).sum(-1), known)


def over_known(values: Tensor, known: Tensor) -> Tensor:
    """Mean of values (B,) over the pairs that have a rationale; zero where none has."""
    known = known.to(values.dtype)
    return (values * known).sum() / known.sum().clamp(min=1)


def class_weights(labels: Tensor, count: int, power: float) -> Tensor | None:
    """Weights of the labels (C,), whose mean over the pairs is 1, or None where every pair counts the same.

    Raises:
        ValueError: no number, or a power that would make the rare rarer, or more than balance them.
    """
    if not isinstance(power, int | float) or not 0 <= power <= 1:
        raise ValueError(f"student_config's class_weights is {power!r}: give a power from 0, none, to 1, balanced")
    if not power:
        return None
    seen = torch.bincount(labels, minlength=count).float()
    weights = seen.clamp(min=1) ** -power
    return weights * len(labels) / (weights * seen).sum()
