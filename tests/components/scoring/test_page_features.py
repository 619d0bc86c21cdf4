"""The lexical features of a page are, to the bit, those of its pairs one by one."""

import numpy as np
import pytest

from components.scoring.page_features import page_features
from components.scoring.tokenizer import PairTokenizer, QueryTokens
from testing.tiny_encoder import save_tiny_encoder

CLS = 2
SEP = 3
QUERIES = [[7], [7, 1001], [9, 8, 9], [5000, 7, 1001, 8], []]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = save_tiny_encoder(tmp_path_factory.mktemp("encoder"))
    return PairTokenizer(folder / "tokenizer.json", 30, 10)


@pytest.mark.parametrize("words", QUERIES)
def test_a_page_has_its_pairs_features(tokenizer, words):
    draw = np.random.default_rng(len(words))
    items = [
        [*draw.choice([7, 8, 9, 1001, 5000, 6], length), SEP] for length in [0, 1, 2, 40, *draw.integers(0, 9, 60)]
    ]
    query = [CLS, *words, SEP]
    tokenizer.number_ids = frozenset([1001, 8])
    expected = tokenizer.lexical_features([query] * len(items), items)
    page = page_features(QueryTokens(query, tokenizer.number_ids), [np.array(item, np.int32) for item in items])
    np.testing.assert_array_equal(page, expected)
    assert words == [] or page.any()


def test_neighbours_do_not_span_two_items(tokenizer):
    items = [np.array([7, SEP]), np.array([8, SEP]), np.array([7, 8, SEP])]
    page = page_features(QueryTokens([CLS, 7, 8, SEP], tokenizer.number_ids), items)
    assert page[:, 3].tolist() == [0, 0, 1]
