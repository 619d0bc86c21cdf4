"""One shard of an experiment's logs as sums that add up: by user, time and kind of query, and by version.

Whatever the number of exposures, a few rows a user are written. Shards are summed side by side and merged
(`components.experiment.attribute`). A shard holds whole requests, so that copies of a row meet in it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from components.experiment.deduplicate import find_duplicate_hashes
from components.experiment.log_views import create_view
from components.experiment.outcomes import count_reasons, count_unknown_kinds, match_outcomes
from components.experiment.records import Accounts, AttributionRules, ExperimentSetup
from components.experiment.requests import write_requests
from components.experiment.row_status import DIMENSIONS, cell_sql, status_sql
from components.experiment.sql import database, text, write

STATUS = ("user_hash", "assigned_arm", "exclusion_reason", "stage", "in_ramp_grace", "served_by_other_version")
CELL = (*STATUS, "cut", *DIMENSIONS)  # the rows of cells.parquet are sums by these
NO_REQUESTS = """SELECT NULL::BIGINT AS t, NULL::VARCHAR AS request_id, NULL::VARCHAR AS experiment_id,
    NULL::VARCHAR AS assigned_arm, NULL::VARCHAR AS version, NULL::INT AS status, NULL::DOUBLE AS latency_ms,
    NULL::INT AS items, NULL::INT AS missing_features WHERE FALSE"""


WriteTables = Callable[[duckdb.DuckDBPyConnection], None]


@dataclass(frozen=True)
class LogSource:
    """Folders of Parquet logs, and how their columns and kinds are called there."""

    exposures: Path
    outcomes: Path
    requests: Path | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by table: {"user_hash": "uid"}
    rules: AttributionRules = AttributionRules()

    def create_views(self, db: duckdb.DuckDBPyConnection) -> list[str]:
        """Make a view of each table and return notes on how they are read."""
        notes = []
        for table in ("exposures", "outcomes", "requests"):
            if path := vars(self)[table]:
                notes += create_view(db, table, path, self.columns.get(table, {}), self.rules)
            else:
                db.execute(f"CREATE VIEW {table} AS {NO_REQUESTS}")
        return notes


def collect(
    source: LogSource, setup: ExperimentSetup, now: datetime, folder: Path, write_more: WriteTables | None = None
) -> Accounts:
    """Write a shard's sums to `folder` and return its accounts.

    cells.parquet has exposures, clicks and grades; orders.parquet a row an order or refund; categories.parquet and
    requests.parquet what their names say. `write_more` writes other tables of the same rows.

    Raises:
        ValueError: a log cannot be read. The sentence names the file, the column and what to give.
    """

    def write_tables(db: duckdb.DuckDBPyConnection) -> None:
        _annotate_exposures(db, setup, now)
        _write_cells(db, folder / "cells.parquet")
        _write_orders(db, folder / "orders.parquet")
        _write_categories(db, setup, folder / "categories.parquet")
        write_requests(db, setup, now, folder / "requests.parquet")
        if write_more:
            write_more(db)

    return sum_shard(source, folder, write_tables)


def sum_shard(source: LogSource, folder: Path, write_tables: WriteTables) -> Accounts:
    """Read a shard's logs, have its tables written to `folder`, and return its accounts.

    `write_tables` finds outcomes beside their exposures, and the hashes of copies; cells.parquet is one of its tables.

    Raises:
        ValueError: a log cannot be read. The sentence names the file, the column and what to give.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with database() as db:
        notes = source.create_views(db)
        find_duplicate_hashes(db, "exposures")
        match_outcomes(db, source.rules)
        write_tables(db)
        accounts = account_rows(db, folder / "cells.parquet", source.rules, notes)
    write_accounts(accounts, folder)
    return accounts


def write_accounts(accounts: Accounts, folder: Path) -> None:
    """Write a shard's accounts beside its sums."""
    (folder / "accounts.json").write_text(json.dumps(asdict(accounts)))


def _annotate_exposures(db: duckdb.DuckDBPyConnection, setup: ExperimentSetup, now: datetime) -> None:
    """Make `annotated_exposures` all exposures with what decides whether they are used.

    The view holds every logged row with n = 1, and copies once more with n = -1. They cancel out in any sum of n, so
    that no row has to be looked up to be left out. `annotated_outcomes` are the matched outcomes with the same columns.
    """
    columns = f"user_hash, assigned_arm, {status_sql(setup, now)}"
    db.execute(
        f"""CREATE VIEW annotated_exposures AS SELECT {columns}, {cell_sql(setup, now)}, category, n
            FROM (SELECT *, 1 AS n FROM exposures
                  UNION ALL SELECT * EXCLUDE (copy), -1 FROM duplicates_exposures WHERE copy > 1)"""
    )
    outcome = "kind, order_id, request_id, item_id, currency, revenue, grade, outcome_t"
    db.execute(
        f"""CREATE VIEW annotated_outcomes AS SELECT {columns}, {cell_sql(setup, now)}, {outcome}
            FROM matched_outcomes"""
    )


def _write_cells(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write exposures, clicks and grades by user, status, cut and slice."""
    keys = ", ".join(CELL)
    pages = f"SELECT {keys}, sum(n)::BIGINT AS exposures FROM annotated_exposures GROUP BY ALL HAVING sum(n) > 0"
    clicks = "count(*) FILTER (kind = 'click') AS clicks"
    grades = (
        "coalesce(sum(grade) FILTER (kind = 'grade'), 0)::DOUBLE AS grades, count(*) FILTER (kind = 'grade') AS graded"
    )
    reactions = f"""SELECT {keys}, {clicks}, {grades} FROM annotated_outcomes
        WHERE kind IN ('click', 'grade') GROUP BY ALL"""
    write(db, f"SELECT * FROM ({pages}) UNION ALL BY NAME SELECT * FROM ({reactions})", path)


def _write_orders(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write a row for each order and refund.

    They are few, and which of them count is decided over all shards.
    """
    row = "kind, order_id, request_id, item_id, currency, outcome_t"
    amount = "CASE kind WHEN 'refund' THEN -revenue ELSE revenue END AS revenue"
    write(
        db, f"SELECT {', '.join(CELL)}, {row}, {amount} FROM annotated_outcomes WHERE kind IN ('order', 'refund')", path
    )


def _write_categories(db: duckdb.DuckDBPyConnection, setup: ExperimentSetup, path: Path) -> None:
    """Write what each arm was shown under the share in force, by category."""
    in_force = f"exclusion_reason IS NULL AND stage = {len(setup.stages) - 1}"
    columns = "assigned_arm AS arm, coalesce(category, '') AS category, sum(n)::BIGINT AS exposures"
    write(db, f"SELECT {columns} FROM annotated_exposures WHERE {in_force} GROUP BY ALL", path)


def account_rows(db: duckdb.DuckDBPyConnection, cells: Path, rules: AttributionRules, notes: list[str]) -> Accounts:
    """Count the shard's rows."""
    copies = db.execute("SELECT count(*) FILTER (copy > 1) FROM duplicates_exposures").fetchall()[0][0]
    query = f"SELECT coalesce(sum(exposures), 0)::BIGINT FROM {text(cells)}"
    single = db.execute(query).fetchall()[0][0]
    reasons = count_reasons(db, "TRUE")
    order_reasons = count_reasons(db, "kind IN ('order', 'refund')")
    distinct_exposures = "SELECT count(DISTINCT (request_id, item_id)) FROM matched_outcomes"
    return Accounts(
        exposures=single + copies,
        duplicates=copies,
        outcomes=sum(reasons.values()),
        outcomes_set_aside={reason: count for reason, count in reasons.items() if reason},
        orders=sum(order_reasons.values()),
        orders_set_aside={reason: count for reason, count in order_reasons.items() if reason},
        refunds=sum(count_reasons(db, "kind = 'refund'").values()),
        unknown_kinds=count_unknown_kinds(db),
        exposures_with_outcome=db.execute(distinct_exposures).fetchall()[0][0],
        outcome_window_s=rules.outcome_window.total_seconds(),
        refund_window_s=rules.refund_window.total_seconds(),
        notes=tuple(notes),
    )
