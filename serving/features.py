"""Online features: reads a query's and its items' texts and numbers from Feast's online store.

Rows are remembered for a minute, and longer only while the store does not answer.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
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

from components.item_keys import DEFAULT_LOCALE, item_key, plain_item_id
from feature_repo.features import MAX_AGE, QUERY, STATISTICS, TEXT
from feature_repo.store import on_cluster, open_store
from serving.feature_lookup import EMPTY_ROW, FeatureLookup, QueryRow, Row, Unavailable, combine

ITEM_REFERENCES = [*(f"item_text:{name}" for name in TEXT), *(f"item_statistics:{name}" for name in STATISTICS)]
QUERY_REFERENCES = [f"query_statistics:{name}" for name in QUERY]
PROBE = "\x00probe"
TIMEOUT_S = 0.3  # of one read from Redis: a later answer is too late for a search page
PAUSE_S = 1.0  # after a read that failed the store is left alone, for requests must not wait in a queue for timeouts
KEYS = {"item_id": ITEM_REFERENCES, "query_id": QUERY_REFERENCES}


class StoreRefusal(RuntimeError):
    """Feast refuses a read, as it does while a view is materialised."""


OUTAGE = (RedisError, SQLAlchemyError, sqlite3.Error, FeastError, StoreRefusal, OSError)


class OnlineFeatures:
    """The feature store of one process, with a memory of up to `capacity` rows.

    A row is remembered for `keep_s` seconds, and longer while the store does not answer.
    """

    def __init__(
        self,
        folder: str | Path | None,
        max_age_s: float = MAX_AGE.total_seconds(),
        keep_s: float = 60.0,
        capacity: int = 100_000,
        wait_s: float = 300.0,
    ):
        if not on_cluster():
            _check_folder(folder)
        self.max_age_s = max_age_s
        self.keep_s = keep_s
        self.cache: LRUCache[tuple[str, str], tuple[float, Row]] = LRUCache(capacity)
        self.cache_guard = threading.Lock()
        self.store_guard = threading.Lock()  # Feast's store and its SQLite connection are not made for several threads
        self.paused_until = 0.0
        self.is_away = False
        self.store = _wait_for_store(folder, wait_s)

    def lookup(
        self, query: str, query_id: str | None, item_ids: Sequence[str], locale: str | None = None
    ) -> FeatureLookup:
        """Look up a query and its items, where items without a text are `unknown_ids`.

        An item has the text of the locale where it has one, and else its default text.

        Raises:
            Unavailable: the store does not answer, and an item's text is not remembered.
        """
        rows, is_degraded = self._item_rows(item_ids, locale)
        if is_degraded:
            _check_remembered(item_ids, rows)
        unknown_ids = [item_id for item_id in item_ids if rows[item_id].values["title"] is None]
        items = [rows[item_id] for item_id in item_ids if rows[item_id].values["title"] is not None]
        result = self._with_query(query, query_id, items)
        return replace(result, unknown_ids=unknown_ids, is_degraded=is_degraded or result.is_degraded)

    def _item_rows(self, item_ids: Sequence[str], locale: str | None) -> tuple[dict[str, Row], bool]:
        """Return rows by item id as `_rows`, those of the locale first."""
        if locale in (None, DEFAULT_LOCALE):
            return self._rows("item_id", item_ids)
        keys = {item_id: item_key(item_id, locale) for item_id in item_ids}
        rows, is_degraded = self._rows("item_id", [*item_ids, *keys.values()])
        local_rows = {item_id: rows[key] for item_id, key in keys.items() if key in rows and rows[key].values["title"]}
        return {item_id: rows[item_id] for item_id in item_ids if item_id in rows} | local_rows, is_degraded

    def lookup_for_inline_items(self, query: str, query_id: str | None, items: Sequence[dict]) -> FeatureLookup:
        """Look up the query alone, for items that came with the request."""
        rows = [Row(item, 0.0) for item in items]  # a caller's numbers have no age
        return self._with_query(query, query_id, rows)

    def _with_query(self, query: str, query_id: str | None, items: list[Row]) -> FeatureLookup:
        if not query_id:
            return combine(QueryRow(query), items, self.max_age_s)
        rows, is_degraded = self._rows("query_id", [query_id])
        result = combine(QueryRow(query, rows.get(query_id, EMPTY_ROW)), items, self.max_age_s)
        return replace(result, is_degraded=is_degraded)

    def _rows(self, key: str, ids: Sequence[str]) -> tuple[dict[str, Row], bool]:
        """Return rows by id, and true where the store did not answer.

        Then the rows are those that are remembered, however old.
        """
        now = time.monotonic()
        with self.cache_guard:
            cached_rows = {name: self.cache[key, name] for name in ids if (key, name) in self.cache}
        rows = {name: row for name, (until, row) in cached_rows.items() if until > now}
        missing_ids = [name for name in ids if name not in rows]
        if not missing_ids:
            return rows, False
        fresh_rows = self._read(key, missing_ids)
        if fresh_rows is None:
            return {name: row for name, (_, row) in cached_rows.items()}, True
        with self.cache_guard:
            self.cache.update(((key, name), (now + self.keep_s, row)) for name, row in fresh_rows.items())
        return rows | fresh_rows, False

    def _read(self, key: str, ids: Sequence[str]) -> dict[str, Row] | None:
        """Read rows, or return None where the store does not answer or just failed."""
        with self.store_guard:
            if time.monotonic() < self.paused_until:
                return None
            try:
                rows = read_rows(self.store, key, ids)
            except OUTAGE as error:
                self._log_outage(f"the feature store does not answer ({type(error).__name__}): defaults are used")
                self.paused_until = time.monotonic() + PAUSE_S
                return None
            self._log_outage("")
            return rows

    def _log_outage(self, trouble: str) -> None:
        """Log the beginning and the end of an outage."""
        if bool(trouble) != self.is_away:
            log.warning(trouble or "the feature store answers again")
        self.is_away = bool(trouble)


def read_rows(store, key: str, ids: Sequence[str]) -> dict[str, Row]:
    """Read rows by id from Feast, where `key` is item_id or query_id.

    Raises:
        StoreRefusal: Feast serves nothing of a view now; read again later.
    """
    references = KEYS[key]
    try:
        answer = store.get_online_features(references, [{key: name} for name in ids])
    except ValueError as error:
        raise StoreRefusal(str(error)) from error
    columns = answer.to_dict(include_event_timestamps=True)
    names = [key, *(reference.split(":")[1] for reference in references)]
    times = columns[f"{names[-1]}__ts"]  # the last is of the statistics
    values = zip(*(columns[name] for name in names), strict=True)
    rows = [Row(dict(zip(names, row, strict=True)), moment) for row, moment in zip(values, times, strict=True)]
    for row in rows:
        row.values[key] = plain_item_id(row.values[key])
    return dict(zip(ids, rows, strict=True))


def _wait_for_store(folder: str | Path | None, wait_s: float):
    """Return the store once it has answered.

    On a cluster it may start later than this process.

    Raises:
        ValueError: it does not answer within `wait_s` seconds.
    """
    attempts = Retrying(
        stop=stop_after_delay(wait_s if on_cluster() else 0),
        wait=wait_fixed(2),
        retry=retry_if_exception_type(OUTAGE),
        before_sleep=before_sleep_log(log, 30),
        reraise=True,
    )
    try:
        return attempts(_open_and_probe, folder)
    except OUTAGE as error:
        name = "the feature store" if on_cluster() else folder
        raise ValueError(f"{name} does not answer as a store of materialised features: {error}") from error


def _open_and_probe(folder: str | Path | None):
    store = open_store(folder or ".", TIMEOUT_S)
    if on_cluster():  # Redis's client would try three times more, with pauses of seconds
        store._get_provider().online_store._get_client(store.config.online_store).set_retry(Retry(NoBackoff(), 0))
    read_rows(store, "item_id", [PROBE])  # Feast loads its registry at the first read
    return store


def _check_folder(folder: str | Path | None) -> None:
    if folder is None:
        raise ValueError("no folder of features is named, and no shared store (BROADFAST_REDIS)")
    absent = [name for name in ("registry.db", "online.db") if not Path(folder, name).is_file()]
    if absent:
        raise ValueError(f"{folder} has no {' and no '.join(absent)}: it is no folder of materialised features")


def _check_remembered(item_ids: Sequence[str], rows: dict[str, Row]) -> None:
    absent = [item_id for item_id in item_ids if item_id not in rows]
    if absent:
        more = f" and of {len(absent) - 1} more" if len(absent) > 1 else ""
        raise Unavailable(f"the feature store does not answer, and the text of {absent[0]!r}{more} is not remembered")
