"""The extractors read the tokens that are there, and nothing of the padding."""

import pytest
import torch

from components.student.extractors import EXTRACTORS, GatExtractor, MlpExtractor

WIDTH, EMBEDDING = 8, 5
SEGMENTS = torch.tensor([[0, 0, 1, 0, 0]])


def made(name: str):
    torch.manual_seed(0)
    return EXTRACTORS[name](WIDTH, EMBEDDING).eval()


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_reasoning_vector_has_the_width_of_the_rationales_embeddings(name):
    tokens = torch.ones(3, 4, dtype=torch.long)
    assert made(name)(torch.randn(3, 4, WIDTH), tokens, tokens).shape == (3, EMBEDDING)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_padding_changes_nothing_whatever_it_holds(name):
    extractor, states = made(name), torch.randn(1, 3, WIDTH)
    padded = torch.cat([states, 1e3 * torch.ones(1, 2, WIDTH)], 1)
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    alone = extractor(states, mask[:, :3], SEGMENTS[:, :3])
    torch.testing.assert_close(extractor(padded, mask, SEGMENTS), alone)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_at_the_papers_widths_an_extractor_has_under_a_million_parameters(name):
    extractor = EXTRACTORS[name](768, 1024)
    assert sum(part.numel() for part in extractor.parameters()) < 1_000_000


def test_the_mlp_extractor_is_two_layers_a_token_and_the_mean_over_the_tokens():
    extractor, states = made("mlp"), torch.randn(1, 3, WIDTH)
    by_token = extractor.out(torch.nn.functional.gelu(extractor.hidden(states)))
    read = extractor(states, torch.tensor([[1, 1, 0]]), SEGMENTS[:, :3])
    torch.testing.assert_close(read, by_token[:, :2].mean(1))


def test_a_pair_without_tokens_is_the_bias_and_not_a_division_by_zero():
    extractor, nothing = MlpExtractor(WIDTH, EMBEDDING), torch.zeros(1, 3, dtype=torch.long)
    torch.testing.assert_close(extractor(torch.randn(1, 3, WIDTH), nothing, nothing), extractor.out.bias[None])


def test_in_the_graph_query_and_item_read_each_other_and_their_own_neighbours():
    graph, mask = GatExtractor(WIDTH, EMBEDDING, window=1), torch.tensor([[1, 1, 1, 1, 1, 0]])
    (edges,) = graph.edges(mask, torch.tensor([[0, 0, 0, 1, 1, 0]])).tolist()
    first, last = [True, True, False, True, True, False], [True, True, True, True, True, False]
    assert edges[0] == first and edges[4] == last
