"""Lexical features of many items of one query at once, the same numbers as `tokenizer.lexical_features` gives.

N items, M tokens of them all without their [SEP], Q tokens of the query without [CLS] and [SEP].
"""

import math
from collections.abc import Sequence

import numpy as np

from components.scoring.tokenizer import LEXICAL_FEATURES, TITLE_TOKENS, QueryTokens

FEW_ITEMS = 16  # below, arrays cost more than they save


def page_features(query: QueryTokens, items: Sequence[Sequence[int]]) -> np.ndarray:
    """Compute LEXICAL_FEATURES (N, 14) of a query and items [SEP].

    They are zeros where a side is empty.
    """
    features = np.zeros((len(items), len(LEXICAL_FEATURES)))
    lengths = np.fromiter(map(len, items), int, len(items)) - 1  # (N,)
    rows = np.flatnonzero(lengths > 0)
    if query.tokens and len(rows):
        words = np.concatenate([items[row][:-1] for row in rows.tolist()])  # (M,)
        features[rows] = word_features(query, words, lengths[rows])
    return features.astype(np.float32)


def word_features(query: QueryTokens, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Compute the features (N, 14) of items that have words.

    Words are (M,), those of one item after another, as many as its length (N,).
    """
    ends = np.cumsum(lengths)
    starts = ends - lengths
    count = len(query.tokens)
    is_equal = words == np.array(query.tokens)[:, None]  # (Q, M)
    is_title = np.arange(len(words)) - np.repeat(starts, lengths) < TITLE_TOKENS  # (M,)
    hits = np.logical_or.reduceat(is_equal, starts, axis=1)  # (Q, N)
    title_hits = np.logical_or.reduceat(is_equal & is_title, starts, axis=1)
    hit_counts = hits.sum(0)
    has_all = hit_counts == count
    rarities = np.where(hits, 0.0, np.array(query.rarities)[:, None])  # (Q, N), of the tokens that an item lacks
    columns = [
        hit_counts / count,
        has_all,
        hits[-1],
        bigram_hits(is_equal, starts, ends) / max(1, len(query.bigrams)),
        np.add.reduceat(is_equal.any(0), starts, dtype=int) / lengths,
        np.minimum(hit_counts, 5) / 5,
        math.log(count),
        np.log(lengths),
        (query.total_rarity - rarities.sum(0)) / query.total_rarity,
        rarities.max(0) / 10,
        bool(query.number_positions),
        hits[query.number_positions].mean(0) if query.number_positions else 0.5,
        title_hits.sum(0) / count,
        np.where(has_all, 1.0, hits.argmin(0) / count),
    ]
    features = np.empty((len(lengths), len(columns)))
    for number, column in enumerate(columns):
        features[:, number] = column
    return features


def bigram_hits(is_equal: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Count the query's neighbours that are neighbours in each item: (N,)."""
    if len(is_equal) < 2:
        return np.zeros(len(starts))
    is_pair = is_equal[:-1].copy()  # (Q - 1, M)
    is_pair[:, :-1] &= is_equal[1:, 1:]
    is_pair[:, ends - 1] = False  # the next word is another item's
    return np.logical_or.reduceat(is_pair, starts, axis=1).sum(0)
