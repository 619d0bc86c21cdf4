"""The items that a night's comparison knows, and those of them that a free query could mean."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from components.query_text import normalise_query
from workbench.page import PageError
from workbench.query_changes import QueryChange, measure_queries, sorted_pairs

CANDIDATES = 50
TEXTS = ("title", "brand", "category", "attributes")
LONGEST_QUERY = 1000  # characters
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Catalogue:
    """The items of one locale, and the numbers of those that have a word."""

    items: tuple[dict, ...]
    numbers: Mapping[str, Sequence[int]]


@lru_cache(maxsize=4)
def list_locales(comparison: str) -> tuple[str, ...]:
    """Return the locales of a night's queries, the most frequent first."""
    counts: dict[str, int] = defaultdict(int)
    for change in measure_queries(comparison):
        counts[change.locale] += 1
    return tuple(sorted(counts, key=lambda locale: (-counts[locale], locale)))


@lru_cache(maxsize=4)
def read_catalogue(comparison: str, locale: str) -> Catalogue:
    """Return the items of a locale's held-out pairs, each once."""
    columns = sorted_pairs(comparison).select(["item_id", "locale", *TEXTS])
    items = {row["item_id"]: row for row in columns.to_pylist() if (row["locale"] or "") == locale}
    numbers = defaultdict(list)
    for number, item in enumerate(items.values()):
        for word in split_words(" ".join(item[name] or "" for name in TEXTS)):
            numbers[word].append(number)
    return Catalogue(tuple(items.values()), dict(numbers))


def split_words(text: str) -> set[str]:
    """Return the different words of a text, as queries are compared."""
    return set(WORD.findall(normalise_query(text)))


def find_candidates(catalogue: Catalogue, query: str) -> list[dict]:
    """Return the items that share the rarest words with a query, nearest first.

    They are rows that servers can score. A word that few items have weighs more, by its inverse document frequency
    (Sparck Jones 1972).
    """
    weights: dict[int, float] = defaultdict(float)
    for word in split_words(query):
        numbers = catalogue.numbers.get(word, ())
        for number in numbers:
            weights[number] += log(1 + len(catalogue.items) / len(numbers))
    nearest = sorted(weights, key=lambda number: (-weights[number], number))[:CANDIDATES]
    return [free_row(catalogue.items[number], query) for number in nearest]


def free_row(item: Mapping, query: str) -> dict:
    """Return a row of an item for a query that nobody judged."""
    return dict(item) | {"query": query, "query_id": "", "query_class": "", "label": None}


def find_item(catalogue: Catalogue, item_id: str) -> dict | None:
    """Return an item by its id, or None."""
    return next((item for item in catalogue.items if item["item_id"] == item_id), None)


def find_by_text(comparison: str, query: str, locale: str) -> QueryChange | None:
    """Return the held-out query of this very text and locale, or None."""
    text = normalise_query(query)
    changes = (change for change in measure_queries(comparison) if change.locale == locale)
    return next((change for change in changes if normalise_query(change.query) == text), None)


def check_free_query(comparison: str, text: str, locale: str) -> tuple[str, str]:
    """Return a free query's text and locale, by default the night's most frequent one.

    Raises:
        PageError: there is no text, or too much, or no query of the night has this locale.
    """
    query = text.strip()
    if not query or len(query) > LONGEST_QUERY:
        raise PageError(422, f"Type a query of 1 to {LONGEST_QUERY:,} characters.")
    locales = list_locales(comparison)
    if locale and locale not in locales:
        raise PageError(422, f"No query of the newest night has the locale {locale!r}: choose {', '.join(locales)}.")
    return query, locale or locales[0]
