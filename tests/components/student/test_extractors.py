"""The paper's extractors read the tokens, and nothing of the padding."""

import pytest
import torch
from torch.nn.functional import gelu

from components.student.extractors import EXTRACTORS, GatExtractor, MlpExtractor

WIDTH = 8
EMBEDDING = 5
SEGMENTS = torch.tensor([[0, 0, 1, 0, 0]])


def new_extractor(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return EXTRACTORS[name](WIDTH, EMBEDDING).eval()


@pytest.mark.parametrize("name", EXTRACTORS)
def test_reasoning_has_the_rationale_embeddings_width(name):
    tokens = torch.ones(3, 4, dtype=torch.long)
    assert new_extractor(name)(torch.randn(3, 4, WIDTH), tokens, tokens).shape == (3, EMBEDDING)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_padding_changes_nothing(name):
    extractor = new_extractor(name)
    states = torch.randn(1, 3, WIDTH)
    padded_states = torch.cat([states, 1e3 * torch.ones(1, 2, WIDTH)], 1)
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    alone = extractor(states, mask[:, :3], SEGMENTS[:, :3])
    torch.testing.assert_close(extractor(padded_states, mask, SEGMENTS), alone)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_parameters_stay_under_a_million(name):
    extractor = EXTRACTORS[name](768, 1024)
    assert sum(weight.numel() for weight in extractor.parameters()) < 1_000_000


def test_the_mlp_averages_two_layers_a_token():
    extractor = new_extractor("mlp")
    states = torch.randn(1, 3, WIDTH)
    by_token = extractor.out(gelu(extractor.inner(states)))
    reasoning = extractor(states, torch.tensor([[1, 1, 0]]), SEGMENTS[:, :3])
    torch.testing.assert_close(reasoning, by_token[:, :2].mean(1))


def test_a_pair_without_tokens_gives_the_bias():
    extractor = MlpExtractor(WIDTH, EMBEDDING)
    no_tokens = torch.zeros(1, 3, dtype=torch.long)
    reasoning = extractor(torch.randn(1, 3, WIDTH), no_tokens, no_tokens)
    torch.testing.assert_close(reasoning, extractor.out.bias[None])


def test_graph_edges_join_both_sides_and_neighbours():
    graph = GatExtractor(WIDTH, EMBEDDING, window=1)
    mask = torch.tensor([[1, 1, 1, 1, 1, 0]])
    (edges,) = graph.edges(mask, torch.tensor([[0, 0, 0, 1, 1, 0]])).tolist()
    assert edges[0] == [True, True, False, True, True, False]
    assert edges[4] == [True, True, True, True, True, False]
