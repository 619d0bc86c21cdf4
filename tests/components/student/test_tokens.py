"""Pairs as tokens: what both sides share is counted without the tokens that open and end a text."""

import numpy as np
import pytest

from components.student.tokens import OVERLAPS, overlap, overlaps

OPENS, ENDS = 101, 102


def named(query, item) -> dict:
    return dict(zip(OVERLAPS, overlap([OPENS, *query, ENDS], [*item, ENDS]), strict=True))


def test_what_a_query_shares_with_an_item_is_told_in_ten_numbers():
    said = [*named([1, 2, 3, 4], [9, 2, 3, 9, 4]).values()]
    assert said == pytest.approx([3 / 4, 0, 1, 1 / 3, 3 / 5, 3 / 5, np.log(4), np.log(5), 3 / 4, np.log(10) / 10])


def test_a_rare_token_that_the_item_lacks_counts_more_than_a_common_one():
    common, rare = 1010, 29_000  # a vocabulary lists its tokens by falling frequency
    names = OVERLAPS[-2:]
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


def test_items_that_are_read_ahead_of_any_query_share_nothing():
    said = overlaps([()] * 2, [[5, ENDS], [6, 7, ENDS]])
    assert said.shape == (2, len(OVERLAPS)) and said.dtype == np.float32 and not said.any()
