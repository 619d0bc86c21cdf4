"""What shoppers of one day see and click: half of the pages are a ranker's, half are interleaved with shared words."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.interleaving.world import CLICKED, SEEN, Pages, draft_pages, rank_pages
from bench.workbench.clicks import START, fill
from bench.workbench.shop import Shop
from components import contracts
from components.contracts import LABELS
from workbench.catalogue import split_words

SEARCHES = 8000  # a day


class Shoppers:
    """The shoppers of a shop, who search all queries but the held-out ones."""

    def __init__(self, shop: Shop, folder: Path):
        self.queries = [*shop.judged, *shop.searched]
        self.shares = replace(shop.market.world, queries=self.queries).shares
        self.items = np.array([shop.items[query.query_id] for query in self.queries])  # (Q, N)
        rows = list(zip(self.queries, self.items, strict=True))
        labels = [[LABELS.index(query.labels.get(item, "Irrelevant")) for item in items] for query, items in rows]
        self.click_chances = CLICKED[np.array(labels)]  # (Q, N)
        texts = shop.market.world.texts
        self.shared_words = np.array(
            [[count_shared(query.query, texts[item]) for item in items] for query, items in rows]
        )
        self.folder = folder
        self.rng = np.random.default_rng(shop.seed)

    def shop_for_a_day(self, day: int, scores: np.ndarray) -> None:
        """Write a day's EXPOSURES and OUTCOMES, from the scores (Q, N) of the ranker."""
        order = np.argsort(-scores[: len(self.queries)], axis=1, kind="stable")
        interleaved = draft_pages(order, np.argsort(-self.shared_words, axis=1, kind="stable"))
        parts = [self.draw(day, rank_pages(order), None), self.draw(day, interleaved, "interleaved")]
        exposures = pa.concat_tables([part for part, _ in parts])
        is_clicked = np.concatenate([clicks for _, clicks in parts])
        clicks = exposures.filter(pa.array(is_clicked)).select(["time", "request_id", "item_id"])
        clicks = fill(clicks, contracts.OUTCOMES)
        clicks = clicks.set_column(clicks.schema.get_field_index("kind"), "kind", pa.array(["click"] * len(clicks)))
        for name, table in (("exposures", exposures), ("outcomes", clicks)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            pq.write_table(table, self.folder / name / f"{day}.parquet")

    def draw(self, day: int, pages: Pages, kind: str | None) -> tuple[pa.Table, np.ndarray]:
        """Return the exposures of half of a day's searches, and which of them are clicked."""
        searches = SEARCHES // 2
        query = self.rng.choice(len(self.queries), searches, p=self.shares)
        shown = pages.items[query, self.rng.integers(pages.items.shape[1], size=searches)]  # (searches, P)
        places = shown.shape[1]
        is_clicked = self.rng.random(shown.shape) < SEEN * self.click_chances[query[:, None], shown]
        names = np.array([each.query_id for each in self.queries])[query]
        columns = {
            "time": pa.array([START] * shown.size, contracts.EXPOSURES.field("time").type),
            "request_id": pa.array(np.repeat([f"{day}-{kind}-{number}" for number in range(searches)], places)),
            "query_id": pa.array(np.repeat(names, places)),
            "query": pa.array(np.repeat(names, places)),
            "item_id": pa.array(self.items[query[:, None], shown].reshape(-1)),
            "position": pa.array(np.tile(np.arange(1, places + 1, dtype=np.int32), searches)),
            "page_kind": pa.array([kind] * shown.size, pa.string()),
        }
        return fill(pa.table(columns), contracts.EXPOSURES), is_clicked.reshape(-1)


def count_shared(query: str, item: Mapping[str, str]) -> int:
    """Return how many of a query's words an item has."""
    return len(split_words(query) & split_words(" ".join(item.values())))
