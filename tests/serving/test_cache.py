"""The cache of scores: same scores, same order, nothing computed twice, a bounded memory."""

import numpy as np

from serving.cache import CachedScorer, pair_digests
from serving.metrics import Stages
from tests.serving.conftest import WordOverlap

PAIRS = [("red shoe", "red shoe"), ("red shoe", "hose"), ("hose", "garden hose")]


class CountingScorer(WordOverlap):
    def __init__(self):
        self.computed_pairs = []

    def run(self, pairs):
        self.computed_pairs += pairs
        return super().run(pairs)


def test_a_pair_is_computed_once():
    scorer = CountingScorer()
    plain = WordOverlap()
    cache = CachedScorer(scorer)
    for pairs in (PAIRS, PAIRS[::-1], [PAIRS[1], PAIRS[1]]):
        np.testing.assert_array_equal(cache(pairs, Stages("v1")).probabilities, plain.run(pairs).probabilities)
    assert scorer.computed_pairs == PAIRS


def test_only_the_last_pairs_are_remembered():
    scorer = CountingScorer()
    cached_scorer = CachedScorer(scorer, capacity=2)
    cached_scorer(PAIRS, Stages("v1"))
    cached_scorer(PAIRS[:1], Stages("v1"))
    assert len(cached_scorer.cache) == 2 and scorer.computed_pairs == [*PAIRS, PAIRS[0]]


def test_pairs_with_different_texts_have_different_digests():
    pairs = [("a", "bc"), ("ab", "c"), ("a", "bd"), ("abc", ""), ("", "abc"), ("a\ud800", "bc")]
    assert len(set(pair_digests(pairs))) == len(pairs)
