"""Krippendorff's alpha: how far several raters of the same pairs agree (Krippendorff 2004, chapter 11).

Shapes: U pairs, V values, Q queries. Alpha is 1 where all agree, and 0 where they agree as often as by chance.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from functools import partial

import numpy as np

from components.metrics import BootstrapConfig, bootstrap_interval

BOOTSTRAP = BootstrapConfig(samples=1000)


def coincidences(votes: np.ndarray) -> np.ndarray:
    """Return how often two raters of a pair gave each two values.

    Takes votes (U, V), and returns (U, V, V).
    """
    raters = votes.sum(axis=1)
    votes = votes[raters > 1].astype(float)
    raters = raters[raters > 1]
    together = votes[:, :, None] * votes[:, None, :]
    together -= votes[:, :, None] * np.eye(votes.shape[1])  # nobody is paired with themselves
    return together / (raters - 1)[:, None, None]


def alpha(totals: np.ndarray, is_ordinal: bool = False) -> np.ndarray:
    """Return alpha of summed coincidences (..., V, V), NaN where only one value occurs."""
    counts = totals.sum(axis=-1)
    number = counts.sum(axis=-1)
    distances = ordinal_distances(counts) if is_ordinal else 1 - np.eye(counts.shape[-1])
    disagreement = (totals * distances).sum(axis=(-2, -1))
    chance_disagreement = (counts[..., :, None] * counts[..., None, :] * distances).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - (number - 1) * disagreement / chance_disagreement


def ordinal_distances(counts: np.ndarray) -> np.ndarray:
    """Return the squared number of ratings between each two values: (..., V, V)."""
    midpoints = np.cumsum(counts, axis=-1) - counts / 2
    return (midpoints[..., :, None] - midpoints[..., None, :]) ** 2


def measure_agreement(
    ratings: Mapping[tuple[str, str], Sequence[Hashable]], values: Sequence[Hashable], is_ordinal: bool
) -> dict:
    """Return alpha with its interval over queries, from the ratings of (query, item) pairs.

    `values` are all that occur, in their order. Pairs with one rating say nothing of agreement.
    """
    counts = {pair: Counter(pair_ratings) for pair, pair_ratings in ratings.items() if len(pair_ratings) > 1}
    votes = np.array([_list_votes(pair_counts, values) for pair_counts in counts.values()])
    query_ids, query_numbers = np.unique([query_id for query_id, _ in counts], return_inverse=True)
    by_query = np.zeros((len(query_ids), len(values), len(values)))
    np.add.at(by_query, query_numbers, coincidences(votes))
    report = {"level": "ordinal" if is_ordinal else "nominal", "pairs": len(counts), "ratings": int(votes.sum())}
    measure = partial(alpha, is_ordinal=is_ordinal)
    if np.isnan(measure(by_query.sum(axis=0))):
        return report | {"alpha": None, "low": None, "high": None}  # all ratings are the same value
    interval = bootstrap_interval(by_query, measure, BOOTSTRAP)
    return report | {"alpha": interval.estimate, "low": interval.low, "high": interval.high}


def _list_votes(counts: Counter, values: Sequence[Hashable]) -> list[int]:
    return [counts[value] for value in values]
