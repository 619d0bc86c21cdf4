"""The student's losses: cross-entropy's class weights, and the distance to the teacher's rationales (LRKD).

B pairs, E rationale-embedding width, C labels.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from components.student.layers import masked_mean


def distillation_loss(reasoning: Tensor, rationale_embedding: Tensor, has_rationale: Tensor) -> Tensor:
    """Return the mean cosine distance of reasoning and rationale embeddings, (B, E) each.

    Pairs without a rationale are left out, and without any the loss is 0. The cosine's scale does not depend on the
    width: the mean squared error to a unit vector of 1024 numbers is about 1e-3, so that lambda 0.1 would do nothing.
    """
    distance = 1 - cosine_similarity(reasoning, rationale_embedding, dim=-1)  # (B,)
    return masked_mean(distance, has_rationale, dim=0)


def class_weights(labels: Tensor, count: int, power: float) -> Tensor | None:
    """Return label weights (C,) whose mean over the pairs is 1, or None.

    Raises:
        ValueError: the power is no number from 0 to 1, which alone raise rare labels to balance at most.
    """
    if not isinstance(power, int | float) or not 0 <= power <= 1:
        raise ValueError(f"student_config's class_weights is {power!r}: give a power from 0, none, to 1, balanced")
    if not power:
        return None
    frequencies = torch.bincount(labels, minlength=count).float()
    weights = frequencies.clamp(min=1) ** -power
    return weights * len(labels) / (weights * frequencies).sum()
