"""The numbers that go with a query and an item, computed by the same function offline and online.

A number that is not known becomes its default in DEFAULTS, here and nowhere else.
"""

import math
import re
from collections.abc import Mapping

ITEM_COUNTS = ("impressions_7d", "clicks_7d", "orders_7d", "impressions_30d", "clicks_30d", "orders_30d")
ITEM_NUMBERS = ("price", "rating", *ITEM_COUNTS)
QUERY_COUNTS = ("query_impressions_30d", "query_clicks_30d")
QUERY_NUMBERS = (*QUERY_COUNTS, "query_click_through", "query_frequency", "query_category_entropy")
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


def features(query: Mapping, item: Mapping) -> dict[str, float]:
    """All, in the order of contracts.FEATURES, from a query and an item of the feature store (None: not known)."""
    known = {name: _number(item.get(name)) for name in ITEM_NUMBERS}
    known |= {name: _number(query.get(name)) for name in QUERY_NUMBERS}
    known |= cross(query, item)
    return {name: default if known[name] is None else known[name] for name, default in DEFAULTS.items()}


def cross(query: Mapping, item: Mapping) -> dict[str, float]:
    """What only the two together tell: is the brand asked for, is the price usual, is the category the usual one."""
    price, median = _number(item.get("price")), _number(query.get("query_median_price"))
    category = item.get("category")
    return {
        "brand_match": float(_occurs(item.get("brand"), query.get("query"))),
        "price_ratio": price / median if price and median else DEFAULTS["price_ratio"],
        "category_match": float(bool(category) and category == query.get("query_category")),
    }


def missing(query: Mapping, item: Mapping) -> tuple[str, ...]:
    """The stored numbers of the pair that are unknown and were replaced by their defaults."""
    known = [(name, item.get(name)) for name in ITEM_NUMBERS] + [(name, query.get(name)) for name in QUERY_NUMBERS]
    return tuple(name for name, value in known if _number(value) is None)


def _number(value) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _occurs(name: str | None, text: str | None) -> bool:
    words = _words(name)
    return bool(words) and f" {words} " in f" {_words(text)} "


def _words(text: str | None) -> str:
    return " ".join(re.findall(r"\w+", (text or "").casefold()))
