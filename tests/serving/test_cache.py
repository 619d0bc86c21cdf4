"""Remembered scores are the computed ones, in the order asked; nothing is computed twice, and the memory is bounded."""

import numpy as np

from serving.cache import CachedScorer, digest
from serving.metrics import Stages
from tests.serving.conftest import WordOverlap

PAIRS = [("red shoe", "red shoe"), ("red shoe", "hose"), ("hose", "garden hose")]


class Counting(WordOverlap):
    def __init__(self):
        self.asked = []

    def run(self, pairs):
        self.asked += pairs
        return super().run(pairs)


def test_a_pair_is_computed_once_and_answers_stay_in_order():
    scorer, plain = Counting(), WordOverlap()
    cached = CachedScorer(scorer)
    for pairs in (PAIRS, PAIRS[::-1], [PAIRS[1], PAIRS[1]]):
        np.testing.assert_array_equal(cached(pairs, Stages("v1")).probabilities, plain.run(pairs).probabilities)
    assert scorer.asked == PAIRS


def test_only_the_pairs_asked_last_are_kept():
    scorer = Counting()
    cached = CachedScorer(scorer, keep=2)
    cached(PAIRS, Stages("v1")), cached(PAIRS[:1], Stages("v1"))
    assert len(cached.kept) == 2 and scorer.asked == [*PAIRS, PAIRS[0]]


def test_a_change_of_either_text_and_a_shifted_border_are_other_pairs():
    asked = [("a", "bc"), ("ab", "c"), ("a", "bd"), ("abc", ""), ("", "abc"), ("a\ud800", "bc")]
    assert len(set(map(digest, asked))) == len(asked)
