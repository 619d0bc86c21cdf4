"""One shard of interleaved logs as sums that add up: a row a page, and a row an order or refund.

Copies, outcomes out of their window, refunds and kinds are treated by the code of the A/B test.
"""

from datetime import datetime
from pathlib import Path

import duckdb

from components.contracts import TEAMS
from components.experiment.aggregate import LogSource, WriteTables, sum_shard
from components.experiment.deduplicate import without_duplicates
from components.experiment.records import Accounts, ExperimentSetup
from components.experiment.row_status import experiment_sql, names_sql, unusable_sql
from components.experiment.sql import text, write
from components.experiment.weighed_clicks import PAGE_LISTS

PAGE = ("user_hash", "exclusion_reason", "request_id", "query", "locale", "day")  # the rows of cells.parquet


def collect_pages(source: LogSource, setup: ExperimentSetup, now: datetime, folder: Path) -> Accounts:
    """Write a shard's cells.parquet and orders.parquet to `folder` and return its accounts.

    Raises:
        ValueError: a log cannot be read. The sentence names the file, the column and what to give.
    """
    return sum_shard(source, folder, page_tables(setup, now, folder))


def page_tables(setup: ExperimentSetup, now: datetime, folder: Path) -> WriteTables:
    """Return what writes cells.parquet and orders.parquet to `folder`."""
    status = status_sql(setup, now)

    def write_tables(db: duckdb.DuckDBPyConnection) -> None:
        _write_pages(db, status, folder / "cells.parquet")
        _write_orders(db, status, folder / "orders.parquet")

    return write_tables


def status_sql(setup: ExperimentSetup, now: datetime) -> str:
    """Return SQL for why a row of exposures is not used, NULL where it is."""
    return f"""CASE WHEN {experiment_sql(setup)} <> {text(setup.experiment_id)} THEN 'another experiment'
        WHEN page_kind = 'fallback' THEN 'fallback page'
        WHEN coalesce(team, '') = '' THEN 'no team'
        WHEN team NOT IN {names_sql(TEAMS)} THEN 'unknown team'
        WHEN request_id IS NULL THEN 'no request'
        WHEN coalesce(position, 0) < 1 THEN 'no position'
        {unusable_sql(setup, now)} END AS exclusion_reason"""


def _write_pages(db: duckdb.DuckDBPyConnection, status: str, path: Path) -> None:
    """Write by page what was shown and clicked, by team and by place."""
    keys = ", ".join(PAGE)
    day = "coalesce(draft_day, strftime(make_timestamp(t), '%Y-%m-%d')) AS day"
    columns = f"* EXCLUDE (query), {status}, {day}, lower(trim(query)) AS query, query AS raw_query"
    sums = ["min(t) AS first_t", "count(*) AS exposures", "any_value(raw_query) AS raw_query"]
    sums += [f"any_value({name}_version) AS {name}_version" for name in ("stable", "candidate")]
    sums.append("arg_min(pair, position) FILTER (team IN ('A', 'B')) AS first_pair")
    for team in "AB":
        condition = f"FILTER (team = '{team}')"
        sums += [f"count(*) {condition} AS impressions_{team}", f"min(position) {condition} AS top_{team}"]
        sums.append(f"coalesce(sum(1.0::DOUBLE / nullif(position, 0)) {condition}, 0)::DOUBLE AS reciprocal_{team}")
    sums.append(f"{PAGE_LISTS} AS places")
    clicks = [f"count(*) FILTER (team = '{team}') AS clicks_{team}" for team in "AB"]
    clicks.append("list(position) AS clicked")
    exposures = f"(SELECT {columns} FROM {without_duplicates('exposures', 'exposures')})"
    outcomes = f"(SELECT {columns} FROM matched_outcomes WHERE kind = 'click')"
    pages = f"SELECT {keys}, {', '.join(sums)} FROM {exposures} GROUP BY ALL"
    write(db, f"{pages} UNION ALL BY NAME SELECT {keys}, {', '.join(clicks)} FROM {outcomes} GROUP BY ALL", path)


def _write_orders(db: duckdb.DuckDBPyConnection, status: str, path: Path) -> None:
    """Write each order and refund, whose amount is then negative, with its team."""
    row = "user_hash, team, kind, order_id, request_id, item_id, currency, outcome_t"
    amount = "CASE kind WHEN 'refund' THEN -revenue ELSE revenue END AS revenue"
    write(db, f"SELECT {row}, {status}, {amount} FROM matched_outcomes WHERE kind IN ('order', 'refund')", path)
