"""The student's losses: cross-entropy with its weights, and the distance to the teacher's rationales (LRKD).

B pairs, E rationale-embedding width, C labels.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from components.student.layers import masked_mean


def distillation_loss(reasoning: Tensor, rationale_embedding: Tensor, has_rationale: Tensor) -> Tensor:
    """Return the mean cosine distance of reasoning and rationale embeddings, (B, E) each.

    Pairs without a rationale are left out, and without any the loss is 0. The cosine's scale does not depend on the
    width: the mean squared error to a unit vector of 1024 numbers is about 1e-3, so that lambda 0.1 would do nothing.
    """
    distance = 1 - cosine_similarity(reasoning, rationale_embedding, dim=-1)  # (B,)
    return masked_mean(distance, has_rationale, dim=0)


def pair_weights(labels: Tensor, teacher_weights: Tensor) -> Tensor:
    """Return what each pair counts in cross-entropy (N,).

    A judged one counts 1, another its teacher's label's weight.
    `labels` (N,) are negative where a pair is unjudged. Without a teacher's label its weight is 0.
    """
    return torch.where(labels >= 0, 1.0, teacher_weights)


def weighed_cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor, label_weights: Tensor | None, mean_weight: float
) -> Tensor:
    """Return the cross-entropy of a batch: logits (B, C), labels and weights (B,).

    `label_weights` are (C,). A pair of weight 0 may have any label. The mean over the pairs is scaled by what the batch
    weighs of what it weighs on average, `mean_weight` times B: so a pair counts by its weight in every batch alike.
    """
    labels = labels.clamp(min=0)
    shares = weights if label_weights is None else weights * label_weights[labels]
    if not shares.sum():
        return logits.sum() * 0.0
    losses = cross_entropy(logits, labels, reduction="none")  # (B,)
    return (losses * shares).sum() / shares.sum() * weights.sum() / (len(labels) * mean_weight)


def class_weights(labels: Tensor, count: int, power: float) -> Tensor | None:
    """Return label weights (C,) whose mean over the judged pairs is 1, or None.

    `labels` is (N,), negative where a pair is unjudged.

    Raises:
        ValueError: the power is no number from 0 to 1, which alone raise rare labels to balance at most.
    """
    if not isinstance(power, int | float) or not 0 <= power <= 1:
        raise ValueError(f"student_config's class_weights is {power!r}: give a power from 0, none, to 1, balanced")
    if not power:
        return None
    labels = labels[labels >= 0]
    frequencies = torch.bincount(labels, minlength=count).float()
    weights = frequencies.clamp(min=1) ** -power
    return weights * len(labels) / (weights * frequencies).sum()
