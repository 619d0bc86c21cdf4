"""Latent reasoning extractors: token states in, one reasoning vector a pair out (LRKD).

B pairs, T tokens, H encoder width, E rationale-embedding width.
"""

import torch
from torch import Tensor, nn


class MlpExtractor(nn.Module):
    """Two layers a token, then the mean over the tokens that are there: the paper's best trade of quality and time."""

    def __init__(self, width: int, embedding_width: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, embedding_width))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        tokens = self.layers(states)  # (B, T, E)
        weights = mask.unsqueeze(-1).to(tokens.dtype)  # (B, T, 1)
        return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)  # (B, E)


class PolyEncoderExtractor(nn.Module):
    """Learned codes attend over the tokens; their mean is projected. Values are read at a narrow width."""

    def __init__(self, width: int, embedding_width: int, codes: int = 16, narrow: int = 256):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(codes, width) * width**-0.5)
        self.values, self.out = nn.Linear(width, narrow), nn.Linear(narrow, embedding_width)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        scores = torch.einsum("ch,bth->bct", self.codes, states)  # (B, codes, T)
        scores = scores.masked_fill(mask.unsqueeze(1) == 0, torch.finfo(scores.dtype).min)
        read = scores.softmax(-1) @ self.values(states)  # (B, codes, narrow)
        return self.out(nn.functional.gelu(read).mean(1))  # (B, E)


EXTRACTORS = {"mlp": MlpExtractor, "poly": PolyEncoderExtractor}
