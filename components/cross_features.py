"""The features of a query and an item, computed by the same functions offline and online.

A value that is not known becomes its default, here and nowhere else. The order of DEFAULTS is the order of the columns.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

ITEM_DEFAULTS = {
    "price": 0.0,  # no price known
    "rating": 0.0,  # not rated
    "impressions_7d": 0.0,
    "clicks_7d": 0.0,
    "orders_7d": 0.0,
    "impressions_30d": 0.0,
    "clicks_30d": 0.0,
    "orders_30d": 0.0,
}
QUERY_DEFAULTS = {
    "query_impressions_30d": 0.0,
    "query_clicks_30d": 0.0,
    "query_click_through": 0.0,  # never shown
    "query_frequency": 0.0,  # tail; 1 is torso, 2 is head
    "query_category_entropy": 0.0,  # bits; nothing shown, or items of one category
}
PAIR_DEFAULTS = {
    "brand_match": 0.0,
    "price_ratio": 1.0,  # as dear as what this query usually shows
    "category_match": 0.0,
}
DEFAULTS = ITEM_DEFAULTS | QUERY_DEFAULTS | PAIR_DEFAULTS
ITEM_FEATURES = tuple(ITEM_DEFAULTS)
QUERY_FEATURES = tuple(QUERY_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Side:
    """What a query or an item adds to the features of its pairs."""

    numbers: dict[str, float]  # of this side, defaults where they are not known
    missing: tuple[str, ...]  # those that are not known
    words: str  # of the query, or of the item's brand
    category: str | None  # the usual one, or the item's
    price: float | None  # the usual one, or the item's


def build_query_side(query: Mapping) -> Side:
    """Build the query's side from its stored row and its text as `query`."""
    numbers, missing = _fill_defaults(query, QUERY_DEFAULTS)
    price = _finite_number(query.get("query_median_price"))
    return Side(numbers, missing, _words(query.get("query")), query.get("query_category"), price)


def build_item_side(item: Mapping) -> Side:
    """Build the item's side from its stored row."""
    numbers, missing = _fill_defaults(item, ITEM_DEFAULTS)
    return Side(numbers, missing, _words(item.get("brand")), item.get("category"), _finite_number(item.get("price")))


def combine_sides(query: Side, item: Side) -> dict[str, float]:
    """Return all features of a pair, in the order of DEFAULTS."""
    has_prices = bool(item.price and query.price)
    return {
        **item.numbers,
        **query.numbers,
        "brand_match": float(bool(item.words) and f" {item.words} " in f" {query.words} "),
        "price_ratio": item.price / query.price if has_prices else PAIR_DEFAULTS["price_ratio"],
        "category_match": float(bool(item.category) and item.category == query.category),
    }


def compute_features(query: Mapping, item: Mapping) -> dict[str, float]:
    """Return all features of a stored query and a stored item (None: not known)."""
    return combine_sides(build_query_side(query), build_item_side(item))


def find_missing(query: Mapping, item: Mapping) -> tuple[str, ...]:
    """Return the names of the stored features that are unknown and became their defaults."""
    return build_item_side(item).missing + build_query_side(query).missing


def _fill_defaults(row: Mapping, defaults: Mapping[str, float]) -> tuple[dict[str, float], tuple[str, ...]]:
    numbers = {}
    missing = []
    for name, default in defaults.items():
        value = _finite_number(row.get(name))
        if value is None:
            missing.append(name)
        numbers[name] = default if value is None else value
    return numbers, tuple(missing)


def _finite_number(value) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _words(text: str | None) -> str:
    return " ".join(re.findall(r"\w+", (text or "").casefold()))
