"""Latent reasoning extractors: token states in, one reasoning vector a pair out (LRKD).

B pairs, T tokens, H encoder width, E rationale-embedding width. `mask` is 1 where a token is, `segments` 0 in the query
and 1 in the item. Narrow projections keep each below a million parameters at H 768 and E 1024.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, leaky_relu


class MlpExtractor(nn.Module):
    """Two layers a token, then the mean over the tokens that are there: the paper's best trade of quality and time.

    The second layer is linear, so it is applied to the mean, which is the same and costs one token instead of T.
    """

    def __init__(self, width: int, embedding_width: int):
        super().__init__()
        self.hidden, self.out = nn.Linear(width, min(width, 512)), nn.Linear(min(width, 512), embedding_width)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        return self.out(mean(gelu(self.hidden(states)), mask))  # (B, E)


class FirstExtractor(nn.Module):
    """The same two layers on the first token alone, [CLS]: the last layer need not be computed for any other."""

    def __init__(self, width: int, embedding_width: int):
        super().__init__()
        self.hidden, self.out = nn.Linear(width, min(width, 512)), nn.Linear(min(width, 512), embedding_width)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        return self.out(gelu(self.hidden(states[:, 0])))  # (B, E)


class PolyEncoderExtractor(nn.Module):
    """Learned codes attend over the tokens; their mean is projected (Humeau et al. 2020)."""

    def __init__(self, width: int, embedding_width: int, codes: int = 16, narrow: int = 256):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(codes, width) * width**-0.5)
        self.values, self.out = nn.Linear(width, narrow), nn.Linear(narrow, embedding_width)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        scores = torch.einsum("ch,bth->bct", self.codes, states)  # (B, codes, T)
        read = without_padding(scores, mask.unsqueeze(1)).softmax(-1) @ self.values(states)  # (B, codes, narrow)
        return self.out(gelu(read).mean(1))  # (B, E)


class GatExtractor(nn.Module):
    """Graph attention over the tokens as nodes (Velickovic et al. 2018), then the mean over the nodes.

    Edges: every query token with every item token, for relevance is a comparison; tokens of one side within `window`
    places, for a word means something beside its neighbours; and a token with itself.
    """

    def __init__(self, width: int, embedding_width: int, heads: int = 4, narrow: int = 256, window: int = 2):
        super().__init__()
        self.heads, self.window = heads, window
        self.nodes, self.out = nn.Linear(width, narrow), nn.Linear(narrow, embedding_width)
        self.source = nn.Parameter(torch.randn(heads, narrow // heads) * 0.1)
        self.target = nn.Parameter(torch.randn(heads, narrow // heads) * 0.1)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        nodes = self.nodes(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, narrow / heads)
        to, of = (torch.einsum("bntd,nd->bnt", nodes, side) for side in (self.target, self.source))
        scores = leaky_relu(to.unsqueeze(-1) + of.unsqueeze(-2), 0.2)  # (B, heads, T, T)
        weights = without_padding(scores, self.edges(mask, segments).unsqueeze(1)).softmax(-1)
        read = (weights @ nodes).transpose(1, 2).flatten(2)  # (B, T, narrow)
        return self.out(mean(gelu(read), mask))  # (B, E)

    def edges(self, mask: Tensor, segments: Tensor) -> Tensor:
        """Which token reads which: (B, T, T)."""
        place = torch.arange(mask.shape[1], device=mask.device)
        near = (place.unsqueeze(0) - place.unsqueeze(1)).abs() <= self.window  # (T, T)
        across = segments.unsqueeze(1) != segments.unsqueeze(2)  # (B, T, T)
        return (near.unsqueeze(0) | across) & (mask.unsqueeze(1) != 0)


def alike(states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
    """Cosine of the means of both sides' tokens: (B, 1)."""
    return nn.functional.cosine_similarity(*sides(states, mask, segments), dim=-1).unsqueeze(-1)


def compared(states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
    """The mean of each side's tokens, their product and their difference (Conneau et al. 2017): (B, 4 H).

    It needs no layer in which the sides read each other: what an encoder of sentences knows is in these.
    """
    query, item = map(unit, sides(states, mask, segments))
    return torch.cat([query, item, query * item, (query - item).abs()], -1)


def sides(states: Tensor, mask: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
    """Means of the query's tokens and of the item's: (B, H) each."""
    return mean(states, mask * (1 - segments)), mean(states, mask * segments)


class LinearOfParts(nn.Linear):
    """A linear layer of vectors side by side, (B, X) each, without copying them there: a product for each."""

    def __init__(self, widths: Sequence[int], out: int):
        super().__init__(sum(widths), out)
        self.widths = list(widths)
        self.ends = [sum(widths[:count]) for count in range(len(widths) + 1)]

    def forward(self, *parts: Tensor) -> Tensor:
        weights = [self.weight[:, start:end] for start, end in pairwise(self.ends)]
        return sum((part @ weight.T for part, weight in zip(parts, weights, strict=True)), self.bias)


class CompareExtractor(nn.Module):
    """Both sides compared, and vectors of so many numbers on the pair, then two layers.

    It is narrow for the sake of requests whose items are known, which have little else to do.
    """

    def __init__(self, width: int, embedding_width: int, *numbers: int):
        super().__init__()
        narrow = min(width, 96)
        self.hidden, self.out = LinearOfParts([4 * width, *numbers], narrow), nn.Linear(narrow, embedding_width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, states: Tensor, mask: Tensor, segments: Tensor, *numbers: Tensor) -> Tensor:
        both = self.dropout(compared(states, mask, segments))
        return self.out(gelu(self.hidden(both, *numbers)))  # (B, E)


def unit(vectors: Tensor) -> Tensor:
    """Vectors (B, H) of one length, at which each number is about a quarter."""
    return nn.functional.normalize(vectors, dim=-1) * (vectors.shape[-1] ** 0.5 / 4)


def mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean (B, X) of tokens (B, T, X) over those that are there; zeros where there is none."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)  # (B, T, 1)
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)


def without_padding(scores: Tensor, there: Tensor) -> Tensor:
    """Scores that a softmax turns into zero where nothing is."""
    return scores.masked_fill(there == 0, torch.finfo(scores.dtype).min)


EXTRACTORS = {
    "mlp": MlpExtractor,
    "poly": PolyEncoderExtractor,
    "gat": GatExtractor,
    "first": FirstExtractor,
    "compare": CompareExtractor,
}
