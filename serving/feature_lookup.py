"""What the feature store returns for a request: its rows, and the numbers of the query and each item.

Feast does not enforce ages online, so they are checked here: a number that is too old counts as unknown, as it does
in training.
"""

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property

from components import cross_features
from components.scoring.tokenizer import item_text


class Unavailable(RuntimeError):
    """The store does not answer, and an item's text is nowhere else."""


@dataclass(frozen=True)
class Row:
    """The values that the store has for an item or a query."""

    values: dict
    time: float  # of the statistics, s (UTC); 0: unknown

    @cached_property
    def side(self) -> cross_features.Side:
        """Return the item's side of the numbers, computed once while the row is remembered."""
        return cross_features.build_item_side(self.values)

    @cached_property
    def text(self) -> str:
        """Return the item's text, joined once while the row is remembered."""
        return item_text(self.values)

    def is_older(self, moment: float) -> bool:
        """Return true where the statistics are from before a moment."""
        return 0 < self.time < moment

    def side_without(self, names: Container[str]) -> cross_features.Side:
        """Return the item's side as if some of its values were unknown."""
        return cross_features.build_item_side({name: value for name, value in self.values.items() if name not in names})


EMPTY_ROW = Row({}, 0.0)


@dataclass(frozen=True)
class FeatureLookup:
    """Rows and numbers of the items that have a text, in request order."""

    items: list[dict]
    texts: list[str]  # as the student reads them
    query_side: cross_features.Side
    item_sides: list[cross_features.Side]
    stale: list[bool]
    missing: list[tuple[str, ...]]  # numbers that were replaced by their defaults, an item
    unknown_ids: list[str]
    is_degraded: bool  # the store did not answer this time
    age_s: float  # of the oldest statistics that were used

    @property
    def features(self) -> list[dict[str, float]]:
        """Return the numbers of each item, which explanations show and no student reads."""
        return [cross_features.combine_sides(self.query_side, side) for side in self.item_sides]


@dataclass(frozen=True)
class QueryRow:
    """A query's text and its row of the store."""

    text: str
    row: Row = EMPTY_ROW

    def side(self, oldest: float) -> cross_features.Side:
        """Return the query's side of the numbers, without statistics from before `oldest`."""
        values = {} if self.row.is_older(oldest) else self.row.values
        return cross_features.build_query_side(values | {"query": self.text})


def combine(query: QueryRow, items: Sequence[Row], max_age_s: float) -> FeatureLookup:
    """Compute the numbers of a query and its items.

    Statistics older than `max_age_s` are replaced by their defaults.
    """
    now = time.time()
    oldest = now - max_age_s
    query_side = query.side(oldest)
    rows = (query.row, *items)
    row_is_stale = [row.is_older(oldest) for row in rows]
    query_is_stale, *item_is_stale = row_is_stale
    sides = [
        row.side_without(cross_features.ITEM_FEATURES) if is_stale else row.side
        for row, is_stale in zip(items, item_is_stale, strict=True)
    ]
    times = [row.time for row, is_stale in zip(rows, row_is_stale, strict=True) if row.time and not is_stale]
    return FeatureLookup(
        items=[row.values for row in items],
        texts=[row.text for row in items],
        query_side=query_side,
        item_sides=sides,
        stale=[query_is_stale or is_stale for is_stale in item_is_stale],
        missing=[side.missing + query_side.missing for side in sides],
        unknown_ids=[],
        is_degraded=False,
        age_s=now - min(times) if times else 0.0,
    )
