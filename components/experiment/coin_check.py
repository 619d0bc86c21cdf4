"""Logged coins computed again: a draft whose order its salt does not give was made otherwise than it is analysed."""

from itertools import starmap

import duckdb
import numpy as np

from components.experiment.interleaving_coins import Search, draw_pair_coins, interleaving_salt
from components.experiment.people import BATCH_ROWS, to_keys

COLUMNS = """user_hash, coalesce(raw_query, ''), coalesce(locale, ''), day, first_pair,
    coalesce(top_A < top_B, top_B IS NULL) AS is_stable_first"""


def count_wrong_coins(db: duckdb.DuckDBPyConnection, salt: str) -> tuple[int, int]:
    """Return how many drafts' first coins were computed again, and how many are wrong.

    `drafts` and `people` are read. A draft without the number of its pair cannot be checked. Filters are taken as none.
    """
    count = 0
    wrong = 0
    query = f"SELECT {COLUMNS} FROM drafts JOIN people USING (user_id) WHERE first_pair IS NOT NULL"
    for batch in db.cursor().sql(query).to_arrow_reader(BATCH_ROWS):
        users, queries, locales, days, pairs, is_stable_first = batch.columns
        rows = zip(to_keys(users), queries.to_pylist(), locales.to_pylist(), days.to_pylist(), strict=True)
        searches = list(starmap(to_search, rows))
        coins = draw_pair_coins(interleaving_salt(salt), searches, pairs.to_numpy())
        count += len(searches)
        wrong += int(np.count_nonzero(coins != is_stable_first.to_numpy(zero_copy_only=False)))
    return count, wrong


def to_search(user: bytes, query: str, locale: str, day: str) -> Search:
    """Return the search that a draft belongs to, without filters."""
    return Search(user, query, locale, "", day)
