"""Layers and masked operations that both architectures use."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class ConcatLinear(nn.Linear):
    """A linear layer of concatenated vectors (B, X) that never copies them into one."""

    def __init__(self, widths: Sequence[int], out_features: int):
        super().__init__(sum(widths), out_features)
        self.widths = list(widths)
        self.bounds = [sum(widths[:count]) for count in range(len(widths) + 1)]

    def forward(self, *parts: Tensor) -> Tensor:
        weights = [self.weight[:, start:end] for start, end in pairwise(self.bounds)]
        products = [part @ weight.T for part, weight in zip(parts, weights, strict=True)]
        return sum(products, self.bias)  # (B, out_features)


def masked_mean(values: Tensor, mask: Tensor, dim: int = 1) -> Tensor:
    """Average values along `dim` where the mask is set.

    Where it never is, the mean is zero. The mask has the shape of the values, less their last dimensions.
    """
    weights = mask.to(values.dtype)
    while weights.dim() < values.dim():
        weights = weights.unsqueeze(-1)
    return (values * weights).sum(dim) / weights.sum(dim).clamp(min=1)


def mask_scores(scores: Tensor, mask: Tensor) -> Tensor:
    """Lower scores where the mask is 0, so that a softmax gives them no weight."""
    return scores.masked_fill(mask == 0, torch.finfo(scores.dtype).min)
