"""Reads what is known of a query and its items from Feast's online store: texts, numbers, and how old they are.

Feast does not enforce ages online, so they are checked here; an old value is used, flagged and counted.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import serving.metrics  # noqa: F401  isort:skip  before Feast, see there
from feast.errors import FeastError

from components import crossfeatures
from feature_repo.features import QUERY, STATISTICS, TEXT
from feature_repo.store import open_store

ITEM = [*(f"item_text:{name}" for name in TEXT), *(f"item_statistics:{name}" for name in STATISTICS)]
OF_QUERY = [f"query_statistics:{name}" for name in QUERY]
DAY_S = 86_400
PROBE = "\x00probe"


@dataclass(frozen=True)
class Found:
    """Rows for the known items, in the order asked, with their ten numbers; and what is wrong with them."""

    items: list[dict]
    features: list[dict[str, float]]
    stale: list[bool]
    missing: list[tuple[str, ...]]
    unknown: list[str]
    degraded: bool = False
    age_s: float = 0.0


class Unavailable(RuntimeError):
    """The store does not answer, and an item's text is nowhere else."""


class OnlineFeatures:
    """One store per process; an item's row is kept for `keep_s` seconds, a number older than `max_age_s` is stale."""

    def __init__(self, folder: str | Path, max_age_s: float = 2 * DAY_S, keep_s: float = 60.0, keep: int = 100_000):
        absent = [name for name in ("registry.db", "online.db") if not Path(folder, name).is_file()]
        if absent:
            raise ValueError(f"{folder} has no {' and no '.join(absent)}: it is no folder of materialised features")
        self.store, self.guard = open_store(folder), threading.Lock()
        self.max_age_s, self.keep_s, self.keep = max_age_s, keep_s, keep
        self.kept: dict[str, tuple[float, dict]] = {}
        try:
            self.find("probe", PROBE, [PROBE])  # Feast loads its registry at the first read
        except (FeastError, sqlite3.Error) as error:
            raise ValueError(f"{folder} does not answer as a folder of materialised features: {error}") from error

    def find(self, query: str, query_id: str | None, item_ids: Sequence[str]) -> Found:
        """What the store knows of the query and of each item; items without a text are `unknown`."""
        asked = self._query(query, query_id)
        rows = self._items(item_ids)
        unknown = [item_id for item_id in item_ids if rows[item_id]["title"] is None]
        return self._found(
            asked, [rows[item_id] for item_id in item_ids if rows[item_id]["title"] is not None], unknown
        )

    def given(self, query: str, query_id: str | None, items: Sequence[dict]) -> Found:
        """The same for items that the caller brings along: only the query is looked up."""
        return self._found(self._query(query, query_id), list(items), [])

    def _found(self, query: dict, items: list[dict], unknown: list[str]) -> Found:
        oldest = time.time() - self.max_age_s
        return Found(
            items=items,
            features=[crossfeatures.features(query, item) for item in items],
            stale=[any(0 < row.get("time", 0) < oldest for row in (query, item)) for item in items],
            missing=[crossfeatures.missing(query, item) for item in items],
            unknown=unknown,
        )

    def _query(self, query: str, query_id: str | None) -> dict:
        known = self._read(OF_QUERY, "query_id", [query_id], "query_impressions_30d")[0] if query_id else {}
        return known | {"query": query}

    def _items(self, item_ids: Sequence[str]) -> dict[str, dict]:
        now = time.monotonic()
        kept = {item_id: self.kept.get(item_id, (0.0, {})) for item_id in item_ids}
        rows = {item_id: row for item_id, (until, row) in kept.items() if until > now}
        wanted = [item_id for item_id in item_ids if item_id not in rows]
        if wanted:
            read = dict(zip(wanted, self._read(ITEM, "item_id", wanted, "price"), strict=True))
            if len(self.kept) + len(read) > self.keep:
                self.kept = {}
            self.kept |= {item_id: (now + self.keep_s, row) for item_id, row in read.items()}
            rows |= read
        return rows

    def _read(self, references: list[str], key: str, ids: Sequence[str], dated_by: str) -> list[dict]:
        with self.guard:  # Feast's store and its SQLite connection are not made for several threads
            answer = self.store.get_online_features(references, [{key: one} for one in ids])
        columns = answer.to_dict(include_event_timestamps=True)
        names = [key, *(reference.split(":")[1] for reference in references)]
        times = columns[f"{dated_by}__ts"]
        return [{**{name: columns[name][n] for name in names}, "time": times[n]} for n in range(len(ids))]
