"""Measures of a ranking against judgements, as trec_eval and ir-measures define them.

Gains are linear. An item that nobody judged gains nothing, and is not relevant. A query without a ranking counts as 0.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

RELEVANT = 1.0  # the least rating that is relevant


@dataclass(frozen=True)
class RankingScores:
    """What one ranking, or the mean over queries, is worth."""

    ndcg: float
    average_precision: float
    reciprocal_rank: float
    precision: float


def discounted_gain(gains: Sequence[float]) -> float:
    """Return the sum of gains, each over the logarithm of its rank."""
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def ndcg_at(ranked_gains: Sequence[float], judged_gains: Sequence[float], k: int) -> float:
    """Return NDCG@k: the ideal has all judged gains, and none means 0."""
    ideal = discounted_gain(sorted(judged_gains, reverse=True)[:k])
    return discounted_gain(ranked_gains[:k]) / ideal if ideal > 0 else 0.0


def average_precision(is_relevant: Sequence[bool], relevant_count: int) -> float:
    """Return the mean, over all relevant items, of the precision at its place."""
    hits = 0
    total = 0.0
    for rank, relevant in enumerate(is_relevant, 1):
        if relevant:
            hits += 1
            total += hits / rank
    return total / relevant_count if relevant_count else 0.0


def reciprocal_rank(is_relevant: Sequence[bool]) -> float:
    """Return 1 over the rank of the first relevant item, 0 without one."""
    return next((1 / rank for rank, relevant in enumerate(is_relevant, 1) if relevant), 0.0)


def precision_at(is_relevant: Sequence[bool], k: int) -> float:
    """Return the share of k places that hold a relevant item, empty places among them."""
    return sum(is_relevant[:k]) / k


def score_ranking(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> RankingScores:
    """Return the measures of one query's ranking, from the gains of its judged items."""
    ranked_gains = [gains.get(item, 0.0) for item in ranking]
    is_relevant = [gain >= RELEVANT for gain in ranked_gains]
    relevant_count = sum(gain >= RELEVANT for gain in gains.values())
    return RankingScores(
        ndcg_at(ranked_gains, list(gains.values()), k),
        average_precision(is_relevant, relevant_count),
        reciprocal_rank(is_relevant),
        precision_at(is_relevant, k),
    )


def score_run(
    rankings: Mapping[str, Sequence[str]], judgements: Mapping[str, Mapping[str, float]], k: int
) -> dict[str, RankingScores]:
    """Return the measures of each judged query. One without a ranking scores 0."""
    return {query: score_ranking(rankings.get(query, []), gains, k) for query, gains in judgements.items()}


def mean_scores(scores: Mapping[str, RankingScores]) -> RankingScores:
    """Return the mean of each measure over queries."""
    count = len(scores)
    rows = [astuple(score) for score in scores.values()]
    return RankingScores(*(sum(column) / count for column in zip(*rows, strict=True)))
