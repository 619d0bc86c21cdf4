"""The pretrained encoder, run layer by layer with a mask of our own. B pairs, T tokens, H encoder width."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from components.pretrained import model_path


def load_encoder(name: str, dropout: float) -> nn.Module:
    """Load a pretrained encoder in float32, whatever precision it is published in."""
    from transformers import AutoConfig, AutoModel

    path = model_path(name)
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    config = AutoConfig.from_pretrained(path, **rates)
    return AutoModel.from_pretrained(path, config=config, dtype=torch.float32)


def drop_pooler(encoder: nn.Module) -> nn.Module:
    """Remove the encoder's pooler, which no student reads.

    Raises:
        ValueError: the encoder is of a kind whose layers are not known.
    """
    encoder_layers(encoder)
    encoder.pooler = None
    return encoder


def encoder_layers(encoder: nn.Module) -> nn.ModuleList:
    """Return the layers of a BERT-class encoder (BERT, RoBERTa, XLM-R, ELECTRA).

    Raises:
        ValueError: the encoder is of another kind.
    """
    try:
        return encoder.encoder.layer
    except AttributeError:
        kind = encoder.config.model_type
        raise ValueError(f"student_config's encoder is a {kind}: choose BERT, RoBERTa, XLM-R or ELECTRA") from None


def freeze_lower_layers(encoder: nn.Module, trained_layers: int) -> None:
    """Freeze embeddings and all but the last layers, or all layers with -1.

    Raises:
        ValueError: there are fewer layers.
    """
    layers = encoder_layers(encoder)
    if not -1 <= trained_layers <= len(layers):
        raise ValueError(f"student_config's trained_layers is {trained_layers}; the encoder has {len(layers)} layers")
    encoder.requires_grad_(False)
    layers[len(layers) - max(trained_layers, 0) :].requires_grad_(True)


def frozen_layers(encoder: nn.Module) -> int:
    """Return how many of the first layers are frozen, with the embeddings below them."""
    layers = encoder_layers(encoder)
    trained_layers = (number for number, layer in enumerate(layers) if next(layer.parameters()).requires_grad)
    return next(trained_layers, len(layers))


def encode(
    encoder: nn.Module, input_ids: Tensor, token_type_ids: Tensor, positions: Tensor, is_visible: Tensor
) -> Tensor:
    """Return the states of the last layer (B, T, H).

    `positions` (B, T) count from 0. `is_visible` (B, 1 or T, T) says which tokens a token attends to.
    """
    states = embed_tokens(encoder, input_ids, token_type_ids, positions)
    return run_layers(encoder_layers(encoder), states, is_visible)


def embed_tokens(encoder: nn.Module, input_ids: Tensor, token_type_ids: Tensor, positions: Tensor) -> Tensor:
    """Return the states (B, T, H) below the first layer. Positions count from 0."""
    segments = token_type_ids.clamp(max=encoder.config.type_vocab_size - 1)
    positions = positions + first_position(encoder)
    return encoder.embeddings(input_ids=input_ids, token_type_ids=segments, position_ids=positions)


def run_layers(layers: Iterable[nn.Module], states: Tensor, is_visible: Tensor) -> Tensor:
    """Return states (B, T, H) behind some layers. `is_visible` is (B, 1 or T, T)."""
    bias = attention_bias(is_visible, states.dtype).unsqueeze(1)  # (B, 1, 1 or T, T)
    for layer in layers:
        states = layer(states, bias)
    return states


def attention_bias(is_visible: Tensor, dtype: torch.dtype) -> Tensor:
    """Return 0 where a token is visible, and elsewhere the dtype's least number."""
    bias = torch.zeros(is_visible.shape, dtype=dtype, device=is_visible.device)
    return bias.masked_fill(~is_visible, torch.finfo(dtype).min)


def first_position(encoder: nn.Module) -> int:
    """Return the number of the first position: RoBERTa and its kin start behind the padding's."""
    padding = encoder.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else padding + 1
