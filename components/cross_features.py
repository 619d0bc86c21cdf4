"""The numbers that go with a query and an item, computed by the same function offline and online.

A number that is not known becomes its default in DEFAULTS, here and nowhere else.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

ITEM_NUMBERS = (
    "price",
    "rating",
    "impressions_7d",
    "clicks_7d",
    "orders_7d",
    "impressions_30d",
    "clicks_30d",
    "orders_30d",
)
QUERY_NUMBERS = (
    "query_impressions_30d",
    "query_clicks_30d",
    "query_click_through",
    "query_frequency",
    "query_category_entropy",
)
DEFAULTS = {
    "price": 0.0,  # no price known
    "rating": 0.0,  # not rated
    "impressions_7d": 0.0,
    "clicks_7d": 0.0,
    "orders_7d": 0.0,
    "impressions_30d": 0.0,
    "clicks_30d": 0.0,
    "orders_30d": 0.0,
    "query_impressions_30d": 0.0,
    "query_clicks_30d": 0.0,
    "query_click_through": 0.0,  # never shown
    "query_frequency": 0.0,  # tail; 1 is torso, 2 is head
    "query_category_entropy": 0.0,  # bits; nothing shown, or items of one category
    "brand_match": 0.0,
    "price_ratio": 1.0,  # as dear as what this query usually shows
    "category_match": 0.0,
}


@dataclass(frozen=True, slots=True)
class Side:
    """What a query or an item brings to the numbers of every pair that it is in; it may be kept."""

    numbers: dict[str, float]  # of this side, defaults where they are not known
    missing: tuple[str, ...]  # those that are not known
    words: str  # of the query, or of the item's brand
    category: str | None  # the usual one, or the item's
    price: float | None  # the usual one, or the item's


def query_side(query: Mapping) -> Side:
    """The query's side, from its row of the feature store and its text as `query`."""
    numbers, missing = _known(query, QUERY_NUMBERS)
    price = _number(query.get("query_median_price"))
    return Side(numbers, missing, _words(query.get("query")), query.get("query_category"), price)


def item_side(item: Mapping) -> Side:
    """The item's side, from its row of the feature store."""
    numbers, missing = _known(item, ITEM_NUMBERS)
    return Side(numbers, missing, _words(item.get("brand")), item.get("category"), _number(item.get("price")))


def together(query: Side, item: Side) -> dict[str, float]:
    """All numbers of a pair, in the order of contracts.FEATURES: each side's, and what only the two together tell."""
    return {
        **item.numbers,
        **query.numbers,
        "brand_match": float(bool(item.words) and f" {item.words} " in f" {query.words} "),
        "price_ratio": item.price / query.price if item.price and query.price else DEFAULTS["price_ratio"],
        "category_match": float(bool(item.category) and item.category == query.category),
    }


def features(query: Mapping, item: Mapping) -> dict[str, float]:
    """All numbers of a query and an item of the feature store (None: not known)."""
    return together(query_side(query), item_side(item))


def missing(query: Mapping, item: Mapping) -> tuple[str, ...]:
    """The stored numbers of the pair that are unknown and were replaced by their defaults."""
    return item_side(item).missing + query_side(query).missing


def _known(row: Mapping, names: tuple[str, ...]) -> tuple[dict[str, float], tuple[str, ...]]:
    found = {name: _number(row.get(name)) for name in names}
    numbers = {name: DEFAULTS[name] if value is None else value for name, value in found.items()}
    return numbers, tuple(name for name, value in found.items() if value is None)


def _number(value) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _words(text: str | None) -> str:
    return " ".join(re.findall(r"\w+", (text or "").casefold()))
