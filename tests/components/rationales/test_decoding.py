"""Tokens are drawn as transformers' warpers would, and rows end on their own."""

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from components.rationales.decoding import Row, Sampling, note_tokens


def draw_often(sampling: Sampling, scores: torch.Tensor, times: int = 4000) -> torch.Tensor:
    """Return the share of draws of each token."""
    torch.manual_seed(0)
    tokens = sampling.draw(scores.expand(times, -1))
    return torch.bincount(tokens, minlength=scores.shape[-1]) / times


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (5, 1.0), (0, 0.7), (5, 0.7), (5, 0.01)])
def test_draws_have_the_shares_of_transformers(top_k, top_p):
    scores = torch.linspace(-2, 2, 12)[torch.randperm(12, generator=torch.manual_seed(1))]
    expected = TemperatureLogitsWarper(0.8)(None, scores.unsqueeze(0))
    expected = TopKLogitsWarper(top_k)(None, expected) if top_k else expected
    expected = TopPLogitsWarper(top_p)(None, expected).softmax(-1)[0]
    shares = draw_often(Sampling(0.8, top_k, top_p, 0.0), scores)
    assert not shares[expected == 0].any()
    assert shares == pytest.approx(expected, abs=0.03)


def test_temperature_zero_takes_the_likeliest():
    assert draw_often(Sampling(0.0, 0, 1.0, 0.0), torch.tensor([0.1, 0.3, 0.2]))[1] == 1


def test_min_p_leaves_out_the_unlikely():
    shares = draw_often(Sampling(1.0, 0, 1.0, 0.5), torch.tensor([0.0, 0.1, -3.0]))
    assert shares[2] == 0 and shares[0] > 0.3


def test_a_row_ends_at_its_stop_token():
    row = Row()
    for token in (5, 9, 6):
        note_tokens([row], [token], [[float(token)]], frozenset({9}))
    assert (row.tokens, row.logits, row.has_ended) == ([5], [[5.0]], True)
