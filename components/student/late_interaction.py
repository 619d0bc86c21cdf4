"""A student that encodes query and item separately, so that items are encoded ahead of any query.

B pairs, T tokens, H encoder width, D token width, E rationale-embedding width, C labels, F match features: how many
tokens the sides share, how similar their means are, and how similar their tokens are.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, gelu, normalize

from components.contracts import LABELS
from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.encoder import drop_pooler, embed_tokens, encoder_layers, frozen_layers, run_layers
from components.student.layers import ConcatLinear, masked_mean
from components.student.maxsim import MAXSIM_FEATURES, LateInteraction

TOKEN_DIM = 64
MATCH_FEATURES = len(LEXICAL_FEATURES) + 1 + MAXSIM_FEATURES


class Side(NamedTuple):
    """The queries or the items of a batch, encoded without the other side."""

    mean: Tensor  # (B, H) of the token states
    tokens: Tensor  # (B, T, D) vectors, zeros where there is no word


class LateInteractionStudent(nn.Module):
    """Compares query and item by means and tokens. No layer attends across.

    Raises:
        ValueError: the kind of encoder is not known.
    """

    inputs: ClassVar = ("input_ids", "attention_mask", "token_type_ids", "overlap")
    item_states: ClassVar = "mean"  # stored of an item in serving
    dropout: ClassVar = 0.0  # of the encoder: on folds of ESCI no worse than 0.1, and training is a sixth faster

    def __init__(self, encoder: nn.Module, embedding_width: int, token_dim: int = TOKEN_DIM):
        super().__init__()
        width = encoder.config.hidden_size
        token_dim = min(token_dim, width)
        self.encoder = drop_pooler(encoder)
        self.frozen_layers = frozen_layers(encoder)
        self.late_interaction = LateInteraction(width, token_dim)
        self.extractor = InteractionExtractor(width, token_dim, embedding_width)
        self.classifier = ConcatLinear([4 * width, token_dim, embedding_width], len(LABELS))
        self.overlap_head = nn.Linear(MATCH_FEATURES, len(LABELS))
        nn.init.zeros_(self.classifier.weight)  # it learns what the overlap head, fitted before, does not see

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        overlap: Tensor,
        frozen_states: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return logits (B, C) and reasoning (B, E) of tokens (B, T) and overlap features.

        `frozen_states` (B, T, H) are those of `encode_frozen`, where they are known.
        """
        states = self.encode_separately(input_ids, attention_mask, token_type_ids, frozen_states)  # (B, T, H)
        query, item = self.split_sides(states, attention_mask, token_type_ids)
        return self.interact(query, item, overlap)

    def encode_separately(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, frozen_states: Tensor | None = None
    ) -> Tensor:
        """Return states (B, T, H) in which no token has attended to the other side."""
        states = frozen_states
        if states is None:
            states = self.encode_frozen(input_ids, attention_mask, token_type_ids)
        layers = encoder_layers(self.encoder)[self.frozen_layers :]
        return run_layers(layers, states, same_side(attention_mask, token_type_ids))

    def encode_frozen(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return the states (B, T, H) behind the embeddings and the frozen layers."""
        positions = positions_by_side(attention_mask, token_type_ids)  # (B, T)
        states = embed_tokens(self.encoder, input_ids, token_type_ids, positions)
        layers = encoder_layers(self.encoder)[: self.frozen_layers]
        return run_layers(layers, states, same_side(attention_mask, token_type_ids))

    def split_sides(self, states: Tensor, mask: Tensor, segments: Tensor) -> tuple[Side, Side]:
        """Return query and item of token states (B, T, H)."""
        query_mean, item_mean = side_means(states, mask, segments)
        tokens = self.late_interaction.token_vectors(states, mask, segments)  # (B, T, D)
        query_tokens = tokens * (segments == 0).unsqueeze(-1)
        item_tokens = tokens * (segments == 1).unsqueeze(-1)
        return Side(query_mean, query_tokens), Side(item_mean, item_tokens)

    def interact(self, query: Side, item: Side, overlap: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, C) and reasoning (B, E) of both sides."""
        features, comparison = self.match(query, item, overlap)
        interaction = interaction_features(query.mean, item.mean)  # (B, 4 H)
        reasoning = self.extractor(interaction, features, comparison)  # (B, E)
        logits = self.classifier(interaction, comparison, reasoning)  # (B, C)
        return logits + self.overlap_head(features), reasoning

    def match(self, query: Side, item: Side, overlap: Tensor) -> tuple[Tensor, Tensor]:
        """Return match features (B, F) and the mean comparison of the query's tokens (B, D)."""
        maxsim, comparison = self.late_interaction(query.tokens, item.tokens)
        features = torch.cat([overlap, mean_cosine(query.mean, item.mean), maxsim], -1)
        return features, comparison


class InteractionExtractor(nn.Module):
    """Two layers on the comparison, narrow because cached items leave little else to compute."""

    def __init__(self, width: int, token_dim: int, embedding_width: int):
        super().__init__()
        inner_width = min(width, 96)
        self.inner = ConcatLinear([4 * width, MATCH_FEATURES, token_dim], inner_width)
        self.out = nn.Linear(inner_width, embedding_width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, interaction: Tensor, features: Tensor, comparison: Tensor) -> Tensor:
        inner = gelu(self.inner(self.dropout(interaction), features, comparison))  # (B, inner)
        return self.out(inner)  # (B, E)


def same_side(mask: Tensor, segments: Tensor) -> Tensor:
    """Return which tokens a token attends to, (B, T, T): those of its own side."""
    return (segments.unsqueeze(1) == segments.unsqueeze(2)) & (mask.unsqueeze(1) != 0)


def positions_by_side(mask: Tensor, segments: Tensor) -> Tensor:
    """Return positions (B, T) at which an item starts as behind an empty query, [CLS]."""
    positions = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    query_tokens = (mask * (1 - segments)).sum(1, keepdim=True)  # (B, 1)
    return (positions - segments * (query_tokens - 1)).clamp(min=0)


def side_means(states: Tensor, mask: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean states of the query's tokens and of the item's, (B, H) each."""
    return masked_mean(states, mask * (1 - segments)), masked_mean(states, mask * segments)


def mean_cosine(query_mean: Tensor, item_mean: Tensor) -> Tensor:
    """Return the cosine of both means: (B, 1)."""
    return cosine_similarity(query_mean, item_mean, dim=-1).unsqueeze(-1)


def interaction_features(query_mean: Tensor, item_mean: Tensor) -> Tensor:
    """Return both means, their product and their difference (Conneau et al. 2017): (B, 4 H)."""
    query = rescale(query_mean)
    item = rescale(item_mean)
    return torch.cat([query, item, query * item, (query - item).abs()], -1)


def rescale(vectors: Tensor) -> Tensor:
    """Give vectors (B, H) one length, at which each number is about a quarter."""
    return normalize(vectors, dim=-1) * (vectors.shape[-1] ** 0.5 / 4)
