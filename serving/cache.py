"""Remembers scores: a pair's score depends on its two texts and the version alone, and shoppers ask the same things."""

import hashlib
from collections.abc import Sequence
from threading import Lock

import numpy as np
from cachetools import LRUCache

from components.scoring.scorer import Scorer, Scores
from serving import metrics


class CachedScorer:
    """A scorer that keeps the `keep` pairs asked last, 2 kB each at most; a change of a text makes another pair."""

    def __init__(self, scorer: Scorer, keep: int = 50_000):
        self.scorer, self.version, self.labels = scorer, scorer.version, scorer.labels
        self.kept, self.guard = LRUCache(keep), Lock()

    def __call__(self, pairs: Sequence[tuple[str, str]], stages: metrics.Stages) -> Scores:
        """Scores of (query, item text) pairs, in their order; only those not remembered are computed, and timed."""
        names = [digest(pair) for pair in pairs]
        with self.guard:
            known = {name: self.kept[name] for name in names if name in self.kept}
        wanted = {name: pair for name, pair in zip(names, pairs, strict=True) if name not in known}
        metrics.REMEMBERED.labels(self.version).inc(len(pairs) - len(wanted))
        if wanted:
            with stages("tokenise"):
                encodings = self.scorer.tokenise(list(wanted.values()))
            with stages("model"):
                new = self.scorer.run(encodings)
            found = [(row.copy(), vector.copy()) for row, vector in zip(new.probabilities, new.hidden, strict=True)]
            known |= dict(zip(wanted, found, strict=True))
            with self.guard:
                self.kept.update((name, known[name]) for name in wanted)
        probabilities, hidden = zip(*(known[name] for name in names), strict=True)
        return Scores(self.labels, np.array(probabilities), np.array(hidden), self.scorer.projection)


def digest(pair: tuple[str, str]) -> bytes:
    """Sixteen bytes that stand for a pair, however long its texts are."""
    query, text = (part.encode("utf-8", "surrogatepass") for part in pair)
    return hashlib.blake2b(len(query).to_bytes(8, "big") + query + text, digest_size=16).digest()
