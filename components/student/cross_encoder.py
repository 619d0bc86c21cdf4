"""The paper's student: a cross-encoder whose latent reasoning stays at inference.

B pairs, T tokens, H encoder width, E rationale-embedding width, C labels.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from components.contracts import LABELS
from components.student.encoder import drop_pooler, encode
from components.student.extractors import EXTRACTORS
from components.student.layers import ConcatLinear


class CrossEncoderStudent(nn.Module):
    """Reads query and item as one sequence, and the label from [CLS] and the reasoning.

    Raises:
        ValueError: the extractor or the kind of encoder is not known.
    """

    inputs: ClassVar = ("input_ids", "attention_mask", "token_type_ids")
    item_states: ClassVar = "none"  # stored of an item in serving
    dropout: ClassVar = 0.1  # of the encoder's states and attention in training

    def __init__(self, encoder: nn.Module, embedding_width: int, extractor: str = "mlp"):
        super().__init__()
        if extractor not in EXTRACTORS:
            raise ValueError(f"student_config's extractor is {extractor!r}: choose of {', '.join(EXTRACTORS)}")
        width = encoder.config.hidden_size
        self.encoder = drop_pooler(encoder)
        self.extractor = EXTRACTORS[extractor](width, embedding_width)
        self.classifier = ConcatLinear([width, embedding_width], len(LABELS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, C) and reasoning (B, E) of tokens (B, T)."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)  # (B, T)
        is_visible = attention_mask.unsqueeze(1) != 0  # (B, 1, T)
        states = encode(self.encoder, input_ids, token_type_ids, positions, is_visible)  # (B, T, H)
        reasoning = self.extractor(states, attention_mask, token_type_ids)  # (B, E)
        logits = self.classifier(states[:, 0], reasoning)  # (B, C)
        return logits, reasoning
