"""Latent reasoning extractors of the paper: token states in, one reasoning vector a pair out.

B pairs, T tokens, H encoder width, E rationale-embedding width, N heads. `mask` (B, T) is 1 for a token and 0 for
padding; `segments` (B, T) is 0 in the query and 1 in the item. Narrow projections keep each extractor below a million
parameters at H 768 and E 1024. The last layer, `out`, is linear: the served graph has it multiplied into the head.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, leaky_relu

from components.student.layers import mask_scores, masked_mean


class MlpExtractor(nn.Module):
    """Two layers a token, then the mean over the tokens: the paper's best trade.

    The second layer is linear, so it is applied to the mean: the result is the same and costs one token instead of T.
    """

    def __init__(self, width: int, embedding_width: int):
        super().__init__()
        inner_width = min(width, 512)
        self.inner = nn.Linear(width, inner_width)
        self.out = nn.Linear(inner_width, embedding_width)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        tokens = gelu(self.inner(states))  # (B, T, inner)
        return self.out(masked_mean(tokens, mask))  # (B, E)


class PolyEncoderExtractor(nn.Module):
    """Learned codes attend over the tokens, and their mean is projected (Humeau et al. 2020)."""

    def __init__(self, width: int, embedding_width: int, codes: int = 16, inner_width: int = 256):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(codes, width) * width**-0.5)
        self.values = nn.Linear(width, inner_width)
        self.out = nn.Linear(inner_width, embedding_width)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        scores = torch.einsum("ch,bth->bct", self.codes, states)  # (B, codes, T)
        weights = mask_scores(scores, mask.unsqueeze(1)).softmax(-1)
        context = weights @ self.values(states)  # (B, codes, inner)
        return self.out(gelu(context).mean(1))  # (B, E)


class GatExtractor(nn.Module):
    """Graph attention over the tokens as nodes, then their mean (Velickovic et al. 2018).

    Edges join every query token with every item token, for relevance is a comparison; tokens of one side within
    `window` positions, for a word's neighbours change its meaning; and a token with itself.
    """

    def __init__(self, width: int, embedding_width: int, heads: int = 4, inner_width: int = 256, window: int = 2):
        super().__init__()
        self.heads = heads
        self.window = window
        self.nodes = nn.Linear(width, inner_width)
        self.out = nn.Linear(inner_width, embedding_width)
        self.source = nn.Parameter(torch.randn(heads, inner_width // heads) * 0.1)
        self.target = nn.Parameter(torch.randn(heads, inner_width // heads) * 0.1)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        nodes = self.nodes(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, N, T, inner / N)
        target_scores = torch.einsum("bntd,nd->bnt", nodes, self.target).unsqueeze(-1)  # (B, N, T, 1)
        source_scores = torch.einsum("bntd,nd->bnt", nodes, self.source).unsqueeze(-2)  # (B, N, 1, T)
        scores = leaky_relu(target_scores + source_scores, 0.2)  # (B, N, T, T)
        weights = mask_scores(scores, self.edges(mask, segments).unsqueeze(1)).softmax(-1)
        context = (weights @ nodes).transpose(1, 2).flatten(2)  # (B, T, inner)
        return self.out(masked_mean(gelu(context), mask))  # (B, E)

    def edges(self, mask: Tensor, segments: Tensor) -> Tensor:
        """Return True where a token reads another: (B, T, T)."""
        positions = torch.arange(mask.shape[1], device=mask.device)
        distance = (positions.unsqueeze(0) - positions.unsqueeze(1)).abs()  # (T, T)
        is_near = (distance <= self.window).unsqueeze(0)
        crosses_sides = segments.unsqueeze(1) != segments.unsqueeze(2)  # (B, T, T)
        return (is_near | crosses_sides) & (mask.unsqueeze(1) != 0)


EXTRACTORS = {"mlp": MlpExtractor, "poly": PolyEncoderExtractor, "gat": GatExtractor}
