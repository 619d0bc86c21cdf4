"""Attention of a training that computes in bfloat16 on a CPU."""

from components.precision import is_fast_in_bf16

IN_FLOAT32 = "sdpa_in_float32"


def choose_attention(model) -> None:
    """Have a model attend in float32 where a CPU trains it in bfloat16.

    Elsewhere it is left alone. PyTorch's CPU kernel of attention takes six times as long backwards in bfloat16 as in
    float32 (torch 2.13, 32 pairs of 48 tokens: 53 and 9 ms), which was half of a student's training; forwards, float32
    costs nothing.
    """
    import torch

    if torch.cuda.is_available() or not is_fast_in_bf16():
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(IN_FLOAT32, attend_in_float32)
    AttentionMaskInterface.register(IN_FLOAT32, sdpa_mask)
    model.set_attn_implementation(IN_FLOAT32)


def attend_in_float32(module, query, key, value, attention_mask, **options):
    """Compute scaled dot-product attention in float32, and return it in the query's precision."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is not None and attention_mask.is_floating_point():
        attention_mask = attention_mask.float()
    with torch.autocast(query.device.type, enabled=False):
        output, weights = sdpa_attention_forward(
            module, query.float(), key.float(), value.float(), attention_mask, **options
        )
    return output.to(query.dtype), weights
