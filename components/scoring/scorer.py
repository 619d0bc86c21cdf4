"""Scores of query-item pairs from a package, with its runtime and a tokenizer alone.

In fp32 no pair's score depends on the others of its batch: they only share its padding. N pairs, C labels, E width of a
reasoning vector, X of a hidden vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from cachetools import LRUCache

from components import package_manifest
from components.scoring.item_cache import ItemEmbeddingCache
from components.scoring.item_index import ItemIndex
from components.scoring.package_config import PackageConfig, read_config
from components.scoring.reasoning import ReasoningProjection
from components.scoring.runtime import Item, load_runtime
from components.scoring.scores import Scores
from components.scoring.tokenizer import PairTokenizer

MEMORY_BYTES = 256 * 2**20


@dataclass(frozen=True)
class TokenisedPairs:
    """Pairs as tokens. Pairs with the same item text share one item."""

    queries: list[list[int]]  # of each pair
    texts: list[str]  # of each pair's item
    items: dict[str, Item]  # by text


class Scorer:
    """A verified package, loaded. It remembers the tokens and states of items.

    Raises:
        ValueError: the package is incomplete, was changed, or has a format that this release does not read.
    """

    def __init__(self, package: str | Path, threads: int = 1, memory_bytes: int = MEMORY_BYTES):
        package = Path(package)
        package_manifest.verify(package)
        self.version = package_manifest.version(package)
        self.config = read_config(package)
        self.labels = self.config.labels
        self.tokenizer = load_tokenizer(package, self.config)
        self.runtime = load_runtime(package, self.config, self.tokenizer, threads)
        self.projection = ReasoningProjection(package)
        self.precomputed_items = ItemEmbeddingCache(package)
        self.item_index = ItemIndex()  # empty, until a server has read another
        self.items = LRUCache(memory_bytes, getsizeof=lambda item: item.bytes)  # by text
        self.lock = Lock()

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Score (query, item text) pairs, in their order."""
        return self.run(self.tokenise(pairs))

    def tokenise(self, pairs: Sequence[tuple[str, str]]) -> TokenisedPairs:
        """Tokenise (query, item text) pairs, each text once."""
        distinct = list(dict.fromkeys(query for query, _ in pairs))
        query_ids = dict(zip(distinct, self.tokenizer.encode_queries(distinct), strict=True))
        texts = [text for _, text in pairs]
        return TokenisedPairs([query_ids[query] for query, _ in pairs], texts, self.find_items(texts))

    def find_items(self, texts: Sequence[str]) -> dict[str, Item]:
        """Return each text's item: remembered, read ahead, precomputed in the package, or new."""
        with self.lock:
            items = {text: self.items[text] for text in texts if text in self.items}
        fresh = [text for text in dict.fromkeys(texts) if text not in items]
        tokens = [np.array(ids, np.int32) for ids in self.tokenizer.encode_items(fresh)]  # a tenth of a list's memory
        for text, ids, item in zip(fresh, tokens, self.item_index.lookup(tokens), strict=True):
            items[text] = item or self.precomputed_items.lookup(ids)
        return items

    def run(self, pairs: TokenisedPairs) -> Scores:
        """Score tokenised pairs, in their order, and remember their items."""
        logits, hidden_vectors = self.runtime(pairs.queries, [pairs.items[text] for text in pairs.texts])
        with self.lock:
            for text, item in pairs.items.items():
                if text not in self.items and item.bytes <= self.items.maxsize:
                    self.items[text] = item
        return Scores(self.labels, softmax(logits / self.config.temperature), hidden_vectors, self.projection)


def load_tokenizer(package: str | Path, config: PackageConfig) -> PairTokenizer:
    """Load a package's tokenizer, with its budgets."""
    return PairTokenizer(Path(package) / "tokenizer.json", config.max_length, config.query_length)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis, float32."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
