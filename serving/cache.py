"""A memory of scores: a pair's score depends on its two texts and the version alone, and shoppers repeat queries."""

import hashlib
from collections.abc import Sequence
from threading import Lock

import numpy as np
from cachetools import LRUCache

from components.scoring.scorer import Scorer, Scores
from serving import metrics

Pair = tuple[str, str]  # query, item text


class CachedScorer:
    """A scorer that remembers the last `capacity` pairs, at most 2 kB each."""

    def __init__(self, scorer: Scorer, capacity: int = 50_000):
        self.scorer = scorer
        self.version = scorer.version
        self.labels = scorer.labels
        self.cache = LRUCache(capacity)
        self.guard = Lock()

    def __call__(self, pairs: Sequence[Pair], stages: metrics.Stages) -> Scores:
        """Score pairs in their order.

        Only those that are not in the cache are computed, and timed.
        """
        digests = pair_digests(pairs)
        with self.guard:
            rows = {digest: self.cache[digest] for digest in digests if digest in self.cache}
        missing = {digest: pair for digest, pair in zip(digests, pairs, strict=True) if digest not in rows}
        metrics.REMEMBERED.labels(self.version).inc(len(pairs) - len(missing))
        if missing:
            new_rows = self._compute(missing, stages)
            rows |= new_rows
            with self.guard:
                self.cache.update(new_rows)
        probabilities, vectors = zip(*(rows[digest] for digest in digests), strict=True)
        return Scores(self.labels, np.array(probabilities), np.array(vectors), self.scorer.projection)

    def _compute(self, pairs: dict[bytes, Pair], stages: metrics.Stages) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
        """Return the probabilities (C,) and the hidden vector (X,) of each pair."""
        with stages("tokenise"):
            encodings = self.scorer.tokenise(list(pairs.values()))
        with stages("model"):
            scores = self.scorer.run(encodings)
        rows = zip(pairs, scores.probabilities, scores.hidden_vectors, strict=True)
        return {digest: (probabilities.copy(), vector.copy()) for digest, probabilities, vector in rows}


def pair_digests(pairs: Sequence[Pair]) -> list[bytes]:
    """Return sixteen bytes that stand for each pair, however long its texts are."""
    prefixes = {}
    for query in {query for query, _ in pairs}:
        content = query.encode("utf-8", "surrogatepass")
        prefixes[query] = len(content).to_bytes(8, "big") + content
    return [
        hashlib.blake2b(prefixes[query] + text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for query, text in pairs
    ]
