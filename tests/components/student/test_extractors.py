"""The extractors read the tokens that are there, and nothing of the padding."""

import pytest
import torch

from components.student.extractors import EXTRACTORS, MlpExtractor

WIDTH, EMBEDDING = 8, 5


def made(name: str):
    torch.manual_seed(0)
    return EXTRACTORS[name](WIDTH, EMBEDDING).eval()


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_reasoning_vector_has_the_width_of_the_rationales_embeddings(name):
    assert made(name)(torch.randn(3, 4, WIDTH), torch.ones(3, 4)).shape == (3, EMBEDDING)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_padding_changes_nothing_whatever_it_holds(name):
    extractor, states = made(name), torch.randn(1, 3, WIDTH)
    padded = torch.cat([states, 1e3 * torch.ones(1, 2, WIDTH)], 1)
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    torch.testing.assert_close(extractor(padded, mask), extractor(states, mask[:, :3]))


def test_the_mlp_extractor_is_the_mean_over_the_tokens():
    extractor = MlpExtractor(2, 2)
    extractor.layers = torch.nn.Identity()
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    assert extractor(states, torch.tensor([[1, 1, 0]])).tolist() == [[2.0, 4.0]]


def test_a_pair_without_tokens_gives_zeros_and_not_a_division_by_zero():
    assert made("mlp")(torch.randn(1, 3, WIDTH), torch.zeros(1, 3)).tolist() == [[0.0] * EMBEDDING]
