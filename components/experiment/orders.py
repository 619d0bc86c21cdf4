"""The orders and refunds of all shards that count: each once, in the platform's currency."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from components.experiment.sql import files, text


def read_orders(db: duckdb.DuckDBPyConnection, shards: Sequence[Path], currency: str) -> tuple[str, dict[str, int]]:
    """Make `orders` the rows that count and return their currency and the others' reasons.

    An order's id may have been logged for pages that lie in several shards: the earliest counts.
    """
    key = "kind, order_id, user_hash, item_id, currency, CASE WHEN kind = 'refund' THEN revenue END"
    copy = f"order_id IS NOT NULL AND row_number() OVER (PARTITION BY {key} ORDER BY outcome_t) > 1 AS is_copy"
    db.execute(f"CREATE TABLE all_orders AS SELECT *, {copy} FROM {files(shards, 'orders')}")
    currency = currency.upper() or _majority_currency(db)
    reason = f"CASE WHEN is_copy THEN 'copy' WHEN currency NOT IN ({text(currency)}, '') THEN 'another currency' END"
    problems = db.execute(f"SELECT {reason} AS reason, count(*) FROM all_orders GROUP BY ALL").fetchall()
    db.execute(f"CREATE TABLE orders AS SELECT * FROM all_orders WHERE ({reason}) IS NULL")
    return currency, {name: count for name, count in problems if name}


def _majority_currency(db: duckdb.DuckDBPyConnection) -> str:
    query = """SELECT currency FROM all_orders WHERE NOT is_copy AND currency <> ''
        GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1"""
    row = db.execute(query).fetchone()
    return row[0] if row else ""
