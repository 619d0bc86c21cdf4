"""The orders and refunds of all shards that count: each once, in the platform's currency."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from components.experiment.sql import files, text

KEY = """is_foreign, kind, item_id, order_id, CASE WHEN order_id IS NULL THEN request_id END,
    CASE WHEN order_id IS NOT NULL THEN user_hash END, CASE WHEN kind = 'refund' THEN revenue END"""


def read_orders(db: duckdb.DuckDBPyConnection, shards: Sequence[Path], currency: str) -> tuple[str, dict[str, int]]:
    """Make `orders` the rows that count and return their currency and the others' reasons.

    A row without a currency has the platform's. An order may have been logged for pages that lie in several shards:
    the earliest counts.
    """
    source = files(shards, "orders")
    currency = currency.upper() or majority_currency(db, source)
    rows = f"SELECT *, currency NOT IN ({text(currency)}, '') AS is_foreign FROM {source}"
    number = f"row_number() OVER (PARTITION BY {KEY} ORDER BY outcome_t, revenue DESC)"
    problem = f"CASE WHEN is_foreign THEN 'another currency' WHEN {number} > 1 THEN 'copy' END AS problem"
    db.execute(f"CREATE TABLE all_orders AS SELECT *, {problem} FROM ({rows})")
    db.execute("CREATE VIEW orders AS SELECT * EXCLUDE (problem) FROM all_orders WHERE problem IS NULL")
    query = "SELECT problem, count(*) FROM all_orders WHERE problem IS NOT NULL GROUP BY problem"
    return currency, dict(db.execute(query).fetchall())


def majority_currency(db: duckdb.DuckDBPyConnection, source: str) -> str:
    """Return the currency that most orders name, else most refunds, '' where none does."""
    orders = "count(*) FILTER (WHERE kind = 'order')"
    query = f"""SELECT currency FROM {source} WHERE currency <> ''
        GROUP BY currency ORDER BY {orders} DESC, count(*) DESC, currency LIMIT 1"""
    row = db.execute(query).fetchone()
    return row[0] if row else ""
