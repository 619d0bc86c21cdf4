"""Two rankings of one query side by side: what moved, how much they share, and what each is worth.

RBO is Webber, Moffat and Zobel's rank-biased overlap (2010), extrapolated by equation 32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from components.contracts import GAINS
from components.metrics import ndcg

TOP = 10
PERSISTENCE = 0.9  # of RBO: the first ten places have 86% of the weight


@dataclass(frozen=True)
class RankedItem:
    """An item at its rank in one ranking, and its rank in the other."""

    item_id: str
    title: str
    judged_label: str | None  # None where nobody judged it for this query
    predicted_label: str
    score: float
    rank: int
    other_rank: int

    @property
    def places_risen(self) -> int:
        return self.other_rank - self.rank


@dataclass(frozen=True)
class SideBySide:
    """Both rankings, best first, and their figures."""

    stable: list[RankedItem]
    candidate: list[RankedItem]
    jaccard: float  # of both first ten
    rank_biased_overlap: float
    stable_ndcg: float  # NaN where an item is not judged
    candidate_ndcg: float


def compare_rankings(rows: Sequence[Mapping]) -> SideBySide:
    """Return both rankings of one query's items, each with both sides' labels and scores."""
    stable = rank_items(rows, "stable_score")
    candidate = rank_items(rows, "candidate_score")
    return SideBySide(
        describe_items(rows, stable, candidate, "stable"),
        describe_items(rows, candidate, stable, "candidate"),
        jaccard(stable[:TOP], candidate[:TOP]),
        rank_biased_overlap(stable, candidate),
        measure_side(rows, "stable"),
        measure_side(rows, "candidate"),
    )


def measure_side(rows: Sequence[Mapping], side: str) -> float:
    """Return NDCG@10 of one side's ranking, NaN where an item is not judged."""
    if any(row["label"] is None for row in rows):
        return nan
    gains = np.array([GAINS[row["label"]] for row in rows])
    return ndcg(gains, np.array([row[f"{side}_score"] for row in rows]))


def list_one_side(rows: Sequence[Mapping], side: str) -> list[RankedItem]:
    """Return the ranking of the only side that scored the items."""
    ranking = rank_items(rows, f"{side}_score")
    return describe_items(rows, ranking, ranking, side)


def rank_items(rows: Sequence[Mapping], score: str) -> list[str]:
    """Return the items' ids, best score first, ties by id."""
    return [row["item_id"] for row in sorted(rows, key=lambda row: (-row[score], row["item_id"]))]


def describe_items(
    rows: Sequence[Mapping], ranking: Sequence[str], other: Sequence[str], side: str
) -> list[RankedItem]:
    """Return the items of one ranking with what a person reads."""
    by_id = {row["item_id"]: row for row in rows}
    other_ranks = {item_id: rank for rank, item_id in enumerate(other, 1)}
    items = []
    for rank, item_id in enumerate(ranking, 1):
        row = by_id[item_id]
        texts = (row["title"], row["label"], row[f"{side}_label"])
        items.append(RankedItem(item_id, *texts, row[f"{side}_score"], rank, other_ranks[item_id]))
    return items


def jaccard(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of all items that both have."""
    return len(set(first) & set(second)) / len(set(first) | set(second))


def rank_biased_overlap(first: Sequence[str], second: Sequence[str], persistence: float = PERSISTENCE) -> float:
    """Return RBO of two rankings of one length, 1 where they are the same."""
    total = 0.0
    for depth in range(1, len(first) + 1):
        agreement = len(set(first[:depth]) & set(second[:depth])) / depth
        total += agreement * persistence**depth
    return agreement * persistence ** len(first) + (1 - persistence) / persistence * total
