"""Attention of a training in bfloat16 on a CPU: in float32, with the same results, and only there."""

import json

import pytest
import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from components.training import attention
from components.training.attention import IN_FLOAT32, choose_attention

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 32, "vocab_size": 50}
IDS = torch.tensor([[4, 9, 7, 1, 3, 2], [8, 5, 6, 0, 0, 0]])
MASK = (IDS > 0).long()


@pytest.fixture(params=["encoder", "decoder"])
def model(request):
    torch.manual_seed(0)
    if request.param == "decoder":
        return LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2)).train()
    return BertModel(BertConfig(**SIZES, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)).train()


def run(model, precision):
    """Return the first output and the gradient of the embeddings, of visible tokens alone."""
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        output = model(input_ids=IDS, attention_mask=MASK)[0].float()
    (output * MASK[..., None]).square().mean().backward()
    return output[MASK.bool()].detach(), model.get_input_embeddings().weight.grad.clone()


@pytest.mark.parametrize(("precision", "factor"), [("float32", 0.0), ("bf16", 1.5)])
def test_results_and_gradients_stay_alike(model, precision, factor, monkeypatch):
    exact = run(model, "float32")
    errors = [(value - right).abs().max() for value, right in zip(run(model, precision), exact, strict=True)]
    monkeypatch.setattr(attention, "is_fast_in_bf16", lambda: True)
    choose_attention(model)
    assert model.config._attn_implementation == IN_FLOAT32
    for value, right, error in zip(run(model, precision), exact, errors, strict=True):
        assert (value - right).abs().max() <= factor * error + 1e-6 * right.abs().max()


def test_attention_is_computed_in_float32(model, monkeypatch):
    precisions = set()

    def note(query, *others, **options):
        precisions.add(query.dtype)
        return scaled_dot_product_attention(query, *others, **options)

    scaled_dot_product_attention = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", note)
    monkeypatch.setattr(attention, "is_fast_in_bf16", lambda: True)
    choose_attention(model)
    run(model, "bf16")
    assert precisions == {torch.float32}


def test_a_saved_model_does_not_ask_for_it(model, monkeypatch, tmp_path):
    monkeypatch.setattr(attention, "is_fast_in_bf16", lambda: True)
    choose_attention(model)
    model.save_pretrained(tmp_path)
    assert IN_FLOAT32 not in json.dumps(json.loads((tmp_path / "config.json").read_text()))


@pytest.mark.parametrize(("has_gpu", "is_fast"), [(True, True), (False, False)])
def test_other_machines_are_left_alone(model, monkeypatch, has_gpu, is_fast):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    monkeypatch.setattr(attention, "is_fast_in_bf16", lambda: is_fast)
    choose_attention(model)
    assert model.config._attn_implementation == "sdpa"
