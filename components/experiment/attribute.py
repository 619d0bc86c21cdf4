"""Shards put together: each user's arm computed again, every exposure and order used or set aside for a reason.

Only exposures under the share now in force are used. Those at share 0 before it are the pre-period.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from components.experiment.assignment import ARMS
from components.experiment.notes import describe_logs
from components.experiment.orders import read_orders
from components.experiment.people import count_most_exposures, number_users
from components.experiment.records import Accounts, CategoryShare, Evidence, ExperimentSetup
from components.experiment.requests import summarize_requests
from components.experiment.row_status import DIMENSIONS
from components.experiment.sql import database, files, write

MEASURES = ("exposures", "revenue", "grades", "graded", "clicks", "orders")  # columns of users.parquet
COUNTED = (*MEASURES, "refunds", "refunded")
CATEGORIES = 12  # in the exposure shift, the most shown first


def merge(shards: Sequence[Path], setup: ExperimentSetup, now: datetime, folder: Path, currency: str = "") -> Evidence:
    """Write users.parquet and cells.parquet of all shards to `folder` and return the evidence.

    `currency` is the platform's, ISO 4217. Where it is empty, the one that most orders name is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with database() as db:
        accounts = Accounts.total([read_accounts(shard) for shard in shards])
        currency, order_problems = read_orders(db, shards, currency)
        number_users(db, shards, setup.salt)
        _attribute(db, shards, setup)
        _write_users(db, folder)
        set_aside = _exposures_set_aside(db, accounts.duplicates)
        accounts = accounts.with_order_problems(order_problems)
        return Evidence(
            experiment=setup,
            now=now,
            accounts=accounts,
            currency=currency,
            used=accounts.exposures - sum(set_aside.values()),
            set_aside=set_aside,
            users_set_aside=_users_set_aside(db),
            crossover=_crossover(db),
            requests=summarize_requests(db, shards),
            exposure_shift=_exposure_shift(db, shards),
            notes=tuple(describe_logs(accounts, currency)),
        )


def read_accounts(shard: Path) -> Accounts:
    """Read the accounts that a shard left."""
    return Accounts.from_json(json.loads((shard / "accounts.json").read_text()))


def _attribute(db: duckdb.DuckDBPyConnection, shards: Sequence[Path], setup: ExperimentSetup) -> None:
    """Make `attributed` all sums with their arm and a reason, '' where they are used."""
    last = len(setup.stages) - 1
    amounts = """CASE WHEN kind = 'order' THEN 1 END AS orders, CASE WHEN kind = 'refund' THEN 1 END AS refunds,
        CASE WHEN kind = 'refund' THEN -revenue END AS refunded"""
    rows = f"SELECT * FROM {files(shards, 'cells')} UNION ALL BY NAME (SELECT *, {amounts} FROM orders)"
    most_exposures = count_most_exposures(db)
    db.execute(
        f"""CREATE TABLE both_arms AS SELECT user_hash FROM {files(shards, "cells")}
            WHERE exclusion_reason IS NULL AND stage = {last} AND {"FALSE" if setup.salt else "TRUE"}
            GROUP BY ALL HAVING count(DISTINCT assigned_arm) > 1"""
    )
    arm = _drawn_arm(str(setup.shares[-1])) if setup.salt else "assigned_arm"
    db.execute(
        f"""CREATE TABLE attributed AS SELECT user_id, cut, {", ".join(DIMENSIONS)},
            {", ".join(f"rows.{name}" for name in COUNTED)}, served_by_other_version, {arm} AS arm, CASE
            WHEN exclusion_reason IS NOT NULL THEN exclusion_reason
            WHEN people.exposures > {most_exposures} THEN 'bot'
            WHEN rows.user_hash IN (SELECT user_hash FROM both_arms) THEN 'seen in both arms'
            WHEN NOT {_agrees(setup)} THEN 'arm disagrees'
            WHEN stage < {last} AND {setup.shares}[stage + 1] = 0 THEN 'pre-period'
            WHEN stage < {last} THEN 'earlier share'
            WHEN assigned_arm <> ({arm}) THEN 'earlier share' ELSE '' END AS reason
            FROM ({rows}) rows LEFT JOIN people ON rows.user_hash = people.user_hash"""
    )


def _drawn_arm(share: str) -> str:
    """Return SQL for the arm of a user's draw under a share."""
    return f"CASE WHEN draw < {share} THEN 'treatment' ELSE 'control' END"


def _agrees(setup: ExperimentSetup) -> str:
    """Return SQL for the condition that a logged arm is the drawn one.

    While callers follow a new share, the arm under the share before is right, too.
    """
    if not setup.salt:
        return "TRUE"
    current = _drawn_arm(f"{setup.shares}[stage + 1]")
    before = _drawn_arm(f"{setup.shares}[greatest(stage, 1)]")
    return f"(assigned_arm = {current} OR (in_ramp_grace AND assigned_arm = {before}))"


def _write_users(db: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write used users once, with their pre-period, and the used sums by cut and slice.

    A user is in one arm; the pre-period is that of whoever came again.
    """
    during = ", ".join(f"coalesce(sum({name}), 0)::DOUBLE AS {name}" for name in COUNTED)
    before = ", ".join(f"sum({name})::DOUBLE AS pre_{name}" for name in MEASURES)
    columns = ", ".join(f"coalesce(pre_{name}, 0) AS pre_{name}" for name in MEASURES)
    is_treated = "bool_or(arm = 'treatment') AS is_treated"  # cheaper to group than a text
    used = f"SELECT user_id, {is_treated}, {during} FROM attributed WHERE reason = '' GROUP BY user_id"
    earlier = f"SELECT user_id, {before} FROM attributed WHERE reason = 'pre-period' GROUP BY user_id"
    arm = "CASE WHEN is_treated THEN 'treatment' ELSE 'control' END AS arm"
    query = f"""SELECT user_hash, user_id, {arm}, used.* EXCLUDE (user_id, is_treated), {columns}
        FROM people JOIN ({used}) used USING (user_id) LEFT JOIN ({earlier}) earlier USING (user_id)"""
    write(db, query, folder / "users.parquet")
    sums = "coalesce(exposures, 0) AS exposures, coalesce(revenue, 0) AS revenue"
    keys = f"user_id, arm, cut, {', '.join(DIMENSIONS)}"
    has_sums = "reason = '' AND (exposures > 0 OR revenue <> 0)"
    write(db, f"SELECT {keys}, {sums} FROM attributed WHERE {has_sums}", folder / "cells.parquet")


def _exposures_set_aside(db: duckdb.DuckDBPyConnection, duplicates: int) -> dict[str, int]:
    """Count exposures that are not used, by reason."""
    query = "SELECT reason, sum(exposures)::BIGINT FROM attributed WHERE reason <> '' AND exposures > 0 GROUP BY ALL"
    counts = dict(db.execute(query).fetchall())
    if duplicates:
        counts["duplicate"] = duplicates
    return dict(sorted(counts.items()))


def _users_set_aside(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count users who are not used, by reason."""
    rows = db.execute(
        """SELECT reason, count(DISTINCT user_id) FROM attributed
           WHERE reason IN ('bot', 'seen in both arms', 'arm disagrees') GROUP BY ALL ORDER BY ALL"""
    )
    return dict(rows.fetchall())


def _crossover(db: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Return by arm the share of used exposures that another version than the arm's answered."""
    rows = db.execute(
        """SELECT arm, sum(exposures * served_by_other_version::INT) / sum(exposures) FROM attributed
           WHERE reason = '' GROUP BY arm ORDER BY arm"""
    )
    return dict(rows.fetchall())


def _exposure_shift(db: duckdb.DuckDBPyConnection, shards: Sequence[Path]) -> tuple[CategoryShare, ...]:
    """Return each arm's share of exposures by category of the items, the largest first."""
    shares = [f"coalesce(sum(exposures) FILTER (arm = '{arm}') / any_value(total_{arm}), 0) AS {arm}" for arm in ARMS]
    totals = [f"sum(exposures) FILTER (arm = '{arm}') OVER () AS total_{arm}" for arm in ARMS]
    rows = db.execute(
        f"""SELECT category, {", ".join(shares)} FROM (SELECT *, {", ".join(totals)} FROM {files(shards, "categories")})
            GROUP BY category ORDER BY sum(exposures) DESC, category LIMIT {CATEGORIES}"""
    ).fetchall()
    return tuple(CategoryShare(*row) for row in rows)
