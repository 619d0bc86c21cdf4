"""What shoppers may ask for, and what is true of it: held-out queries, hidden labels, prices, retrieval."""

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from components import contracts
from components.scoring.tokenizer import FIELDS

TRAFFIC = {"head": 0.6, "torso": 0.3, "tail": 0.1}  # share of requests by class of query
CANDIDATES = 20  # items ranked: those judged for the query, filled up with others, which are irrelevant
MINIMUM_ITEMS = 5  # judged ones that make a query worth a search


@dataclass(frozen=True)
class Query:
    """A held-out query with the hidden truth of its items."""

    query_id: str
    query: str
    locale: str
    query_class: str
    labels: dict[str, str]  # item -> true label


@dataclass(frozen=True)
class World:
    """All queries, items and prices."""

    queries: list[Query]
    items: list[str]
    prices: dict[str, float]
    texts: dict[str, dict] = field(default_factory=dict)  # item -> what is sent without a feature store

    @cached_property
    def shares(self) -> np.ndarray:
        """Return each query's share of the searches: its class's share, evenly among the class."""
        sizes = Counter(query.query_class for query in self.queries)
        weights = np.array([TRAFFIC[query.query_class] / sizes[query.query_class] for query in self.queries])
        return weights / weights.sum()

    def draw_search(self, rng: np.random.Generator) -> tuple[Query, list[str]]:
        """Draw a query by its class's frequency, with the items that retrieval finds."""
        query = self.queries[rng.choice(len(self.queries), p=self.shares)]
        return query, self.retrieve(query)

    def retrieve(self, query: Query) -> list[str]:
        """Return a query's items in no order, the same ones at each search."""
        rng = np.random.default_rng(zlib.crc32(query.query_id.encode()))
        judged_items = list(rng.permutation(sorted(query.labels)))[:CANDIDATES]
        others = rng.choice(self.items, size=min(2 * CANDIDATES, len(self.items)), replace=False)
        fill = [item for item in others if item not in query.labels][: CANDIDATES - len(judged_items)]
        return [str(item) for item in rng.permutation([*judged_items, *fill])]


def load(judgements: Path, truth: Path | None) -> World:
    """Load held-out queries with the truth's labels where there is one, else the judged ones.

    Raises:
        ValueError: no held-out query has enough judged items.
    """
    true_labels, prices = _read_truth(truth) if truth else ({}, {})
    texts = {}
    labels = defaultdict(dict)
    items: dict[str, dict] = {}
    for row in contracts.read_batches(contracts.JUDGEMENTS, judgements):
        items.setdefault(row["item_id"], {name: row[name] for name in FIELDS if row[name]})
        if row["split"] in ("valid", "test"):
            texts[row["query_id"]] = (row["query"], row["locale"], row["query_class"])
            pair = (row["query_id"], row["item_id"])
            labels[row["query_id"]][row["item_id"]] = true_labels.get(pair, row["label"])
    queries = [Query(key, *texts[key], labels[key]) for key in sorted(texts) if len(labels[key]) >= MINIMUM_ITEMS]
    if not queries:
        raise ValueError(f"{judgements}: no valid or test query has {MINIMUM_ITEMS} judged items; judge more pairs")
    return World(queries, sorted(items), prices, items)


def _read_truth(path: Path) -> tuple[dict, dict]:
    """Return true labels by query and item, and prices by item."""
    rows = pq.read_table(path / "truth.parquet" if path.is_dir() else path).to_pylist()
    labels = {(row["query_id"], row["item_id"]): row["true_label"] for row in rows}
    return labels, {row["item_id"]: row["price"] for row in rows if row["price"] is not None}
