"""The student: a cross-encoder whose latent reasoning stays at inference.

B pairs, T tokens, H encoder width, E rationale-embedding width, C labels. Below `join_layer` query and item do not
read each other, so that an item's states can be computed ahead of any query and stored (as PreTTR, MacAvaney et al.
2020); from there on they are one sequence. Where that is behind the last layer, they are compared: their means, and,
with `match_width`, their tokens.
"""

import torch
from torch import Tensor, nn

from components.contracts import LABELS
from components.pretrained import model_path
from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.config import LrkdConfig
from components.student.extractors import EXTRACTORS, LinearOfParts, alike, compared
from components.student.late_interaction import MATCHES, Matcher


class Student(nn.Module):
    """Encoder, extractor, and a classifier over the pair's [CLS] state beside its reasoning.

    Raises:
        ValueError: the extractor is not known, or the encoder has too few layers, or none that can be told apart.
    """

    def __init__(self, encoder: nn.Module, embedding_width: int, config: LrkdConfig):
        super().__init__()
        if config.extractor not in EXTRACTORS:
            raise ValueError(f"student_config's extractor is {config.extractor!r}: choose of {', '.join(EXTRACTORS)}")
        width, self.join_layer, self.variant = encoder.config.hidden_size, config.join_layer, config.variant
        self.encoder, self.overlap = encoder, config.overlap
        encoder.pooler = None  # where it has one, nothing reads it
        if not 0 <= self.join_layer <= len(self.layers):
            raise ValueError(
                f"student_config's join_layer is {self.join_layer}: the encoder has {len(self.layers)} layers"
            )
        if self.pooled and config.extractor != "compare":
            raise ValueError(
                f"student_config's join_layer is {self.join_layer}, so no layer reads query and item together: "
                f"extractor {config.extractor!r} could not either; choose compare, or an earlier layer"
            )
        if config.match_width and not self.pooled:
            raise ValueError(
                f"student_config's match_width is {config.match_width}, but query and item are read together from "
                f"layer {config.join_layer} on: choose match_width 0, or join_layer {len(self.layers)}"
            )
        self.reads_first, self.compares = config.extractor == "first", config.extractor == "compare"
        self.matcher = Matcher(width, config.match_width) if config.match_width else None
        # with the cosine of both means
        numbers = (len(LEXICAL_FEATURES) + 1) * self.overlap + MATCHES * bool(self.matcher)
        beside = [config.match_width] if self.matcher else []
        told = [numbers, *beside] if numbers and self.compares else []
        self.extractor = EXTRACTORS[config.extractor](width, embedding_width, *told)
        read = [4 * width if self.pooled else width, *beside]
        read += [embedding_width] * (self.variant != "auxiliary")
        self.classifier = LinearOfParts(read, len(LABELS))
        self.counted = nn.Linear(numbers, len(LABELS)) if numbers else None
        if self.counted:  # a term of its own, which is fitted before the training: that adds what it does not see
            nn.init.zeros_(self.classifier.weight)

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's."""
        return layers_of(self.encoder)

    @property
    def pooled(self) -> bool:
        """Whether of an item only the mean of its tokens' states is read, so that this alone need be remembered."""
        return self.join_layer == len(self.layers)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, overlap: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits (B, C) and reasoning (B, E) of token ids, mask and segments, (B, T) each; and
        LEXICAL_FEATURES, where they are read."""
        positions = self.positions(attention_mask, token_type_ids)
        states = self.apart(input_ids, attention_mask, token_type_ids, positions)
        vectors = self.vectors(states, attention_mask, token_type_ids)
        return self.together(states, attention_mask, token_type_ids, overlap, *vectors)

    def apart(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, positions: Tensor) -> Tensor:
        """States (B, T, H) before the join: no token has read one of the other side."""
        embeddings, config = self.encoder.embeddings, self.encoder.config
        segments = token_type_ids.clamp(max=config.type_vocab_size - 1)
        states = embeddings(input_ids=input_ids, token_type_ids=segments, position_ids=positions)
        same = token_type_ids.unsqueeze(1) == token_type_ids.unsqueeze(2)  # (B, T, T)
        bias = additive(same & (attention_mask.unsqueeze(1) != 0), states.dtype).unsqueeze(1)  # (B, 1, T, T)
        for layer in self.layers[: self.join_layer]:
            states = layer(states, bias)
        return states

    def vectors(self, states: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, ...]:
        """Of both sides' tokens, where they are matched: (B, T, D) each, zeros at the other side's."""
        if not self.matcher:
            return ()
        both = self.matcher.vectors(states, attention_mask, token_type_ids)
        return tuple(both * (token_type_ids == side).unsqueeze(-1) for side in (0, 1))

    def together(
        self,
        states: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        overlap: Tensor | None = None,
        query_vectors: Tensor | None = None,
        item_vectors: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Logits and reasoning from the states at the join, and from the vectors of the sides' tokens."""
        bias = additive(attention_mask != 0, states.dtype)[:, None, None]  # (B, 1, 1, T)
        layers = self.layers[self.join_layer :]
        for place, layer in enumerate(layers, 1):
            pruned = self.reads_first and place == len(layers)
            states = first_of(layer, states, bias) if pruned else layer(states, bias)
        tokens = states, attention_mask, token_type_ids
        numbers = [overlap, alike(*tokens)] if self.overlap else []
        matched = self.matcher(query_vectors, item_vectors) if self.matcher else ()
        numbers, beside = [*numbers, *matched[:1]], matched[1:]  # beside: (B, D)
        numbers = [torch.cat(numbers, -1)] if numbers else []
        reasoning = self.extractor(*tokens, *([*numbers, *beside] if self.compares else []))  # (B, E)
        read = [compared(*tokens) if self.pooled else states[:, 0], *beside]
        read += [reasoning] * (self.variant != "auxiliary")
        logits = self.classifier(*read)  # (B, C)
        return logits + self.counted(numbers[0]) if self.counted else logits, reasoning

    def positions(self, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Where each token stands: in the pair, or, of an item that is read apart, behind an empty query: (B, T)."""
        place = torch.arange(attention_mask.shape[1], device=attention_mask.device).expand_as(attention_mask)
        if self.join_layer:
            query = (attention_mask * (1 - token_type_ids)).sum(1, keepdim=True)  # (B, 1) tokens of the query
            place = (place - token_type_ids * (query - 1)).clamp(min=0)
        return place + first_position(self.encoder)


def layers_of(encoder: nn.Module) -> nn.ModuleList:
    """The layers of a BERT-class encoder (BERT, RoBERTa, XLM-R, ELECTRA).

    Raises:
        ValueError: it is built otherwise.
    """
    try:
        return encoder.encoder.layer
    except AttributeError:
        kind = encoder.config.model_type
        raise ValueError(f"student_config's encoder is a {kind}: choose BERT, RoBERTa, XLM-R or ELECTRA") from None


def first_position(encoder: nn.Module) -> int:
    """RoBERTa and its kin count positions from behind the padding's."""
    padding = encoder.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else padding + 1


def first_of(layer: nn.Module, states: Tensor, bias: Tensor) -> Tensor:
    """What a layer makes of the first token alone, which reads all of them: (B, 1, H)."""
    attention, first = layer.attention.self, states[:, :1]
    shape = (attention.num_attention_heads, attention.attention_head_size)
    query, key, value = (
        part(of).unflatten(-1, shape).transpose(1, 2)  # (B, heads, 1 or T, H / heads)
        for part, of in ((attention.query, first), (attention.key, states), (attention.value, states))
    )
    scores = query @ key.transpose(-1, -2) * shape[1] ** -0.5 + bias  # (B, heads, 1, T)
    weights = attention.dropout(scores.softmax(-1))
    read = layer.attention.output((weights @ value).transpose(1, 2).flatten(2), first)
    return layer.output(layer.intermediate(read), read)


def additive(there: Tensor, dtype: torch.dtype) -> Tensor:
    """Zero where a token may be read, and the least number where not."""
    return torch.zeros(there.shape, dtype=dtype, device=there.device).masked_fill(~there, torch.finfo(dtype).min)


def new_student(config: LrkdConfig, embedding_width: int) -> Student:
    """A student with a pretrained encoder and a new head."""
    from transformers import AutoConfig, AutoModel

    path = model_path(config.encoder)
    dropout = {"hidden_dropout_prob": config.dropout, "attention_probs_dropout_prob": config.dropout}
    encoder = AutoModel.from_pretrained(path, config=AutoConfig.from_pretrained(path, **dropout))
    return Student(encoder, embedding_width, config)
