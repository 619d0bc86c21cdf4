"""Token-level matching of a query with an item (late interaction: Khattab and Zaharia 2020).

B pairs, Q query tokens, I item tokens, T tokens of either, H encoder width, D token width. Token vectors have length
one. Padding, [CLS] and [SEP] are no words, and their vectors are zeros.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

from components.student.layers import ConcatLinear, mask_scores, masked_mean

MAXSIM_FEATURES = 5
SHARPNESS = 8.0  # of the attention from a query token to the item's tokens that are similar to it


class LateInteraction(nn.Module):
    """Projects tokens to a narrow width, and compares each query token with the item's."""

    def __init__(self, width: int, token_dim: int):
        super().__init__()
        self.projection = nn.Linear(width, token_dim, bias=False)
        self.comparison = ConcatLinear([token_dim] * 4, token_dim)

    def token_vectors(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Return unit vectors (B, T, D) of token states (B, T, H)."""
        return normalize(self.projection(states), dim=-1) * word_mask(mask, segments).unsqueeze(-1)

    def forward(self, query: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Return MaxSim features (B, 5) and the mean comparison (B, D).

        `query` is (B, Q, D), or (1, Q, D) for all, and `item` (B, I, D). A query token is compared with the mean of
        the item's tokens, weighed by similarity (Parikh et al. 2016).
        """
        query_mask = is_word(query)  # (B, Q)
        item_mask = is_word(item)  # (B, I)
        similarity = query @ item.transpose(1, 2)  # (B, Q, I)
        attention = mask_scores(SHARPNESS * similarity, item_mask.unsqueeze(1)).softmax(-1)
        match = attention @ item  # (B, Q, D)
        tokens = self.comparison(query, match, query * match, (query - match).abs())  # (B, Q, D)
        comparison = masked_mean(gelu(tokens), query_mask)  # (B, D)
        similarity = similarity.masked_fill(~(query_mask.unsqueeze(2) & item_mask.unsqueeze(1)), -1.0)
        return maxsim_features(similarity, query_mask, item_mask), comparison


def maxsim_features(similarity: Tensor, query_mask: Tensor, item_mask: Tensor) -> Tensor:
    """Summarise each token's highest similarity (B, Q, I) to the other side: (B, 5).

    Of the query's tokens the mean, the minimum, the last and the maximum; of the item's tokens the mean.
    """
    query_best = similarity.amax(2)  # (B, Q)
    item_best = similarity.amax(1)  # (B, I)
    has_successor = torch.cat([query_mask[:, 1:], torch.zeros_like(query_mask[:, :1])], 1)  # (B, Q)
    features = [
        masked_mean(query_best, query_mask),
        query_best.masked_fill(~query_mask, 1.0).amin(1),
        masked_mean(query_best, query_mask & ~has_successor),
        query_best.amax(1),
        masked_mean(item_best, item_mask),
    ]
    return torch.stack(features, -1)


def is_word(vectors: Tensor) -> Tensor:
    """Return True where token vectors (B, T, D) are a word's: (B, T)."""
    return vectors.abs().sum(-1) > 0


def word_mask(mask: Tensor, segments: Tensor) -> Tensor:
    """Return True for a side's words, and False for [CLS], [SEP] and padding: (B, T)."""
    has_successor = (mask[:, 1:] != 0) & (segments[:, 1:] == segments[:, :-1])  # (B, T - 1)
    last_column = torch.zeros_like(mask[:, :1], dtype=torch.bool)
    is_cls = torch.cat([segments[:, :1] == 0, torch.zeros_like(has_successor)], 1)  # an item opens with a word
    return torch.cat([has_successor, last_column], 1) & ~is_cls
