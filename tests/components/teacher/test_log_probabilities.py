"""Preference margins by row, with values reckoned by hand, and log-probabilities of a real tiny model."""

import math

import pytest

from components.teacher.log_probabilities import mean_token_loss, preference_margin, token_logprobs

REFERENCE = [(-10.0, -12.0), (-8.0, -8.0), (-5.0, -9.0)]
POLICY = [(-9.0, -14.0), (-8.0, -8.0), (-7.0, -9.0)]  # gains: +1 and -2, 0 and 0, -2 and 0


def test_every_pair_counts_once():
    result = preference_margin(POLICY, REFERENCE, beta=0.5)
    assert result.margin == pytest.approx((1.5 + 0.0 - 1.0) / 3)
    assert result.chosen_logprob_gain == pytest.approx((1 + 0 - 2) / 3)
    losses = [math.log(1 + math.exp(-margin)) for margin in (1.5, 0.0, -1.0)]
    assert result.loss == pytest.approx(sum(losses) / 3)


def test_a_tie_is_half_preferred():
    assert preference_margin(POLICY, REFERENCE, beta=0.5).preferred_share == pytest.approx((1 + 0.5 + 0) / 3)
    assert preference_margin(REFERENCE, REFERENCE, beta=0.5).preferred_share == 0.5


def test_extreme_margins_have_a_finite_loss():
    result = preference_margin([(0.0, -9e4)], [(0.0, 0.0)], beta=1.0)
    assert (result.margin, result.loss) == (9e4, 0.0)
    assert preference_margin([(-9e4, 0.0)], [(0.0, 0.0)], beta=1.0).loss == 9e4


@pytest.fixture(scope="module")
def model_and_tokenizer(llm):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(llm), AutoTokenizer.from_pretrained(llm)


@pytest.mark.slow
def test_token_losses_are_the_models_own(model_and_tokenizer):
    import torch

    model, tokenizer = model_and_tokenizer
    prompt = "Query: red shoe\nAnswer:"
    completion = " It is red.\nLabel: Exact"
    ids = torch.tensor([tokenizer(prompt + completion + tokenizer.eos_token)["input_ids"]])
    labels = ids.clone()
    labels[0, : len(tokenizer(prompt)["input_ids"])] = -100  # no loss on the prompt
    example = {"prompt": prompt, "completion": completion}
    expected = model(ids, labels=labels).loss.item()
    assert mean_token_loss(model, tokenizer, [example]) == pytest.approx(expected, abs=1e-4)
    assert len(token_logprobs(model, tokenizer, prompt, completion)) == int((labels != -100).sum())
