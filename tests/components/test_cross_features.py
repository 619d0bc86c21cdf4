"""The numbers of a query and an item: what each says, and what stands for the unknown."""

import pytest

from components import contracts
from components.cross_features import DEFAULTS, ITEM_FEATURES, QUERY_FEATURES, compute_features, find_missing


def test_every_feature_has_a_default_in_order():
    assert tuple(DEFAULTS) == contracts.FEATURES == tuple(compute_features({}, {}))


def test_an_unknown_pair_gets_all_defaults():
    assert compute_features({}, {}) == DEFAULTS
    assert find_missing({}, {}) == (*ITEM_FEATURES, *QUERY_FEATURES)


@pytest.mark.parametrize(("brand", "query", "expected"), [
    ("Sony", "sony headphones", 1.0),
    ("Sony", "sonya shoes", 0.0),
    ("De'Longhi", "DE LONGHI kettle", 1.0),
    ("Black & Decker", "black decker drill", 1.0),
    ("", "anything", 0.0),
    (None, "anything", 0.0),
])  # fmt: skip
def test_a_brand_matches_in_whole_words(brand, query, expected):
    assert compute_features({"query": query}, {"brand": brand})["brand_match"] == expected


@pytest.mark.parametrize(("price", "median", "ratio"), [(30, 20, 1.5), (30, None, 1.0), (30, 0, 1.0), (None, 20, 1.0)])
def test_an_unknown_price_has_a_neutral_ratio(price, median, ratio):
    assert compute_features({"query_median_price": median}, {"price": price})["price_ratio"] == ratio


def test_an_empty_category_matches_nothing():
    assert compute_features({"query_category": ""}, {"category": ""})["category_match"] == 0.0
    assert compute_features({"query_category": "Audio"}, {"category": "Audio"})["category_match"] == 1.0


def test_numbers_that_are_not_finite_count_as_missing():
    item, query = dict.fromkeys(ITEM_FEATURES, 1.0) | {"price": float("nan")}, dict.fromkeys(QUERY_FEATURES, 1.0)
    assert find_missing(query, item) == ("price",)
    assert compute_features(query, item)["price"] == DEFAULTS["price"]
