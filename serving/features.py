"""Reads what is known of a query and its items from Feast's online store: texts, numbers, and how old they are.

Feast does not enforce ages online, so they are checked here: a number that is too old counts as not known, as in
training. Rows are remembered for a minute, and longer only while the store does not answer.
"""

import sqlite3
import threading
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import serving.metrics  # noqa: F401  isort:skip  before Feast, see there
from serving.spool_metrics import log  # isort:skip  likewise
from cachetools import LRUCache
from feast.errors import FeastError
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError
from tenacity import Retrying, before_sleep_log, retry_if_exception_type, stop_after_delay, wait_fixed

from components import cross_features
from feature_repo.features import MAX_AGE, QUERY, STATISTICS, TEXT
from feature_repo.store import on_cluster, open_store

ITEM = [*(f"item_text:{name}" for name in TEXT), *(f"item_statistics:{name}" for name in STATISTICS)]
OF_QUERY = [f"query_statistics:{name}" for name in QUERY]
OUTAGE = (RedisError, SQLAlchemyError, sqlite3.Error, FeastError, OSError)
PROBE = "\x00probe"
TIMEOUT_S = 0.3  # of one read from Redis: a later answer is too late for a search page
PAUSE_S = 1.0  # after a read that failed the store is left alone, for requests must not wait in a queue for timeouts


class Unavailable(RuntimeError):
    """The store does not answer, and an item's text is nowhere else."""


@dataclass(frozen=True)
class Row:
    """What the store says of an item or a query, and since when (s, UTC; 0: not known)."""

    values: dict
    time: float

    @cached_property
    def side(self) -> cross_features.Side:
        """An item's side of the numbers; made once while its row is remembered."""
        return cross_features.build_item_side(self.values)

    def older(self, moment: float) -> bool:
        """Whether its statistics are of before a moment."""
        return 0 < self.time < moment

    def without(self, names: Container[str]) -> cross_features.Side:
        """Its side as if some of the values were not known."""
        return cross_features.build_item_side({name: value for name, value in self.values.items() if name not in names})


NOTHING = Row({}, 0.0)


@dataclass(frozen=True)
class Found:
    """Rows for the known items, in the order asked, with their numbers; and what is wrong with them."""

    items: list[dict]
    features: list[dict[str, float]]
    stale: list[bool]
    missing: list[tuple[str, ...]]  # numbers that were replaced by their defaults, an item
    unknown: list[str]
    degraded: bool  # the store did not answer this time
    age_s: float  # of the oldest statistics that were used


class OnlineFeatures:
    """One store per process; a row is remembered for `keep_s` seconds, a number older than `max_age_s` is stale."""

    def __init__(
        self,
        folder: str | Path | None,
        max_age_s: float = MAX_AGE.total_seconds(),
        keep_s: float = 60.0,
        keep: int = 100_000,
        wait_s: float = 300.0,
    ):
        if not on_cluster():
            _check(folder)
        self.max_age_s, self.keep_s, self.keep, self.wait_s = max_age_s, keep_s, keep, wait_s
        self.kept: LRUCache[tuple[str, str], tuple[float, Row]] = LRUCache(keep)
        self.guard, self.asking = threading.Lock(), threading.Lock()
        self.paused_until, self.away = 0.0, False
        self.store = self._answering(folder)

    def find(self, query: str, query_id: str | None, item_ids: Sequence[str]) -> Found:
        """What the store knows of the query and of each item; items without a text are `unknown`.

        Raises:
            Unavailable: the store does not answer, and an item's text is not remembered.
        """
        rows, degraded = self._rows("item_id", item_ids, ITEM)
        if degraded and (lost := [item_id for item_id in item_ids if item_id not in rows]):
            more = f" and of {len(lost) - 1} more" if len(lost) > 1 else ""
            raise Unavailable(f"the feature store does not answer, and the text of {lost[0]!r}{more} is not remembered")
        unknown = [item_id for item_id in item_ids if rows[item_id].values["title"] is None]
        known = [rows[item_id] for item_id in item_ids if rows[item_id].values["title"] is not None]
        return self._found((query, query_id), known, unknown, degraded)

    def given(self, query: str, query_id: str | None, items: Sequence[dict]) -> Found:
        """The same for items that the caller brings along: only the query is looked up."""
        rows = [Row(item, 0.0) for item in items]  # a caller's numbers have no age
        return self._found((query, query_id), rows, [], False)

    def _found(self, asked: tuple[str, str | None], rows: list["Row"], unknown: list[str], degraded: bool) -> Found:
        query, query_id = asked
        found, lost = self._rows("query_id", [query_id], OF_QUERY) if query_id else ({}, False)
        known, oldest = found.get(query_id, NOTHING), time.time() - self.max_age_s
        stale_query = known.older(oldest)
        of_query = cross_features.build_query_side({"query": query} if stale_query else known.values | {"query": query})
        sides = [row.without(STATISTICS) if row.older(oldest) else row.side for row in rows]
        times = [row.time for row in (known, *rows) if row.time and not row.older(oldest)]
        return Found(
            items=[row.values for row in rows],
            features=[cross_features.combine_sides(of_query, side) for side in sides],
            stale=[stale_query or row.older(oldest) for row in rows],
            missing=[side.missing + of_query.missing for side in sides],
            unknown=unknown,
            degraded=degraded or lost,
            age_s=time.time() - min(times) if times else 0.0,
        )

    def _rows(self, key: str, ids: Sequence[str], references: list[str]) -> tuple[dict[str, "Row"], bool]:
        """Rows by id, and whether the store did not answer: then those that are remembered, however long ago."""
        now = time.monotonic()
        with self.guard:
            kept = {name: self.kept[key, name] for name in ids if (key, name) in self.kept}
        rows = {name: row for name, (until, row) in kept.items() if until > now}
        wanted = [name for name in ids if name not in rows]
        if not wanted:
            return rows, False
        read = self._read(references, key, wanted)
        if read is None:
            return {name: row for name, (_, row) in kept.items()}, True
        with self.guard:
            self.kept.update(((key, name), (now + self.keep_s, row)) for name, row in read.items())
        return rows | read, False

    def _read(self, references: list[str], key: str, ids: Sequence[str]) -> dict[str, "Row"] | None:
        """Rows from the store; None where it does not answer, or did not a moment ago."""
        with self.asking:  # Feast's store and its SQLite connection are not made for several threads
            if time.monotonic() < self.paused_until:
                return None
            try:
                rows = read(self.store, references, key, ids)
            except OUTAGE as error:
                self._tell(f"the feature store does not answer ({type(error).__name__}): defaults are used")
                self.paused_until = time.monotonic() + PAUSE_S
                return None
            self._tell("")
            return rows

    def _tell(self, trouble: str) -> None:
        """Log the beginning and the end of an outage."""
        if bool(trouble) != self.away:
            log.warning(trouble or "the feature store answers again")
        self.away = bool(trouble)

    def _answering(self, folder: str | Path | None):
        """The store, once it has answered; on a cluster it may come later than this process.

        Raises:
            ValueError: it does not.
        """
        stop = stop_after_delay(self.wait_s if on_cluster() else 0)
        again = retry_if_exception_type(OUTAGE)
        told = before_sleep_log(log, 30)
        try:
            return Retrying(stop=stop, wait=wait_fixed(2), retry=again, before_sleep=told, reraise=True)(
                _opened, folder
            )
        except OUTAGE as error:
            place = "the feature store" if on_cluster() else folder
            raise ValueError(f"{place} does not answer as a store of materialised features: {error}") from error


def _opened(folder: str | Path | None):
    store = open_store(folder or ".", TIMEOUT_S)
    if on_cluster():  # Redis's client would try three times more, with pauses of seconds
        store._get_provider().online_store._get_client(store.config.online_store).set_retry(Retry(NoBackoff(), 0))
    read(store, ITEM, "item_id", [PROBE])  # Feast loads its registry at the first read
    return store


def _check(folder: str | Path | None) -> None:
    if folder is None:
        raise ValueError("no folder of features is named, and no shared store (BROADFAST_REDIS)")
    absent = [name for name in ("registry.db", "online.db") if not Path(folder, name).is_file()]
    if absent:
        raise ValueError(f"{folder} has no {' and no '.join(absent)}: it is no folder of materialised features")


def read(store, references: list[str], key: str, ids: Sequence[str]) -> dict[str, Row]:
    """Rows by id."""
    answer = store.get_online_features(references, [{key: one} for one in ids])
    columns = answer.to_dict(include_event_timestamps=True)
    names = [key, *(reference.split(":")[1] for reference in references)]
    times = columns[f"{names[-1]}__ts"]  # the last is of the statistics
    return {one: Row({name: columns[name][n] for name in names}, times[n]) for n, one in enumerate(ids)}
