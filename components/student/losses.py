"""The student's losses: cross-entropy's class weights, and the distance to the teacher's rationales (LRKD).

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


def judged_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None, judged_share: float) -> Tensor:
    """Return the cross-entropy of a batch's judged pairs: logits (B, C), labels (B,).

    An unjudged pair has a negative label. The mean over the judged pairs is scaled by how many the batch has of those
    that it has on average, `judged_share` of B, so that each judged pair counts the same in an epoch.
    """
    judged_pairs = int((labels >= 0).sum())
    if not judged_pairs:
        return logits.sum() * 0.0
    return cross_entropy(logits, labels, weights) * (judged_pairs / (len(labels) * judged_share))


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
