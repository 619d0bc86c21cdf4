"""Shards put together and judged: each user's arm computed again, every exposure used or set aside for a reason.

Only exposures under the share now in force are used; those at share 0 before it are the pre-period.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from components.experiment.aggregate import LATENCY_BINS, MEASURES, far_out, one_currency
from components.experiment.assignment import draw
from components.experiment.log_views import every_core, text

BATCH_ROWS = 65_536
ADDED = ("exposures", "duplicates", "outcomes", "outcome_copies", "outcomes_of_unknown_kind")


def merge(shards: Sequence[Path], experiment: Mapping, now: datetime, folder: Path) -> dict:
    """Write users.parquet and buckets.parquet of all shards to `folder`; the evidence that goes with them.

    Raises:
        ValueError: shards hold revenue in several currencies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as db:
        db.execute(f"{every_core()}; SET memory_limit = '1200MB'")
        accounts = added([json.loads((shard / "accounts.json").read_text()) for shard in shards])
        db.execute(f"CREATE VIEW of_users AS SELECT * FROM {files(shards, 'users')}")
        _draw_arms(db, experiment["salt"])
        _judge(db, [stage["share"] for stage in experiment["stages"]], bool(experiment["salt"]))
        _write(db, shards, folder)
        set_aside = dict(
            db.execute(
                "SELECT reason, sum(exposures)::BIGINT FROM judged WHERE reason <> '' GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        )
        if accounts["duplicates"]:
            set_aside["duplicate"] = accounts["duplicates"]
        return dict(experiment) | {
            "now": now.isoformat(),
            **accounts,
            "used": accounts["exposures"] - sum(set_aside.values()),
            "set_aside": dict(sorted(set_aside.items())),
            "disagreements": set_aside.get("arm disagrees", 0),
            "users_set_aside": _people(db),
            "crossover": _crossover(db),
            **_timing(db, accounts["outcomes"] - accounts["outcome_copies"]),
            "requests": _requests(db, shards),
        }


def added(accounts: Sequence[Mapping]) -> dict:
    """The shards' accounts in one."""
    currency = one_currency({one["currency"] for one in accounts} - {""})
    return {"currency": currency} | {name: sum(one[name] for one in accounts) for name in ADDED}


def files(shards: Sequence[Path], name: str) -> str:
    """SQL for a table of all shards."""
    return f"read_parquet([{', '.join(text(shard / f'{name}.parquet') for shard in shards)}])"


def _draw_arms(db, salt: str | None) -> None:
    """Where each user stands, by the very function that callers use; nothing where the salt is not known."""
    db.execute("CREATE TABLE draws AS SELECT user_hash, 0.0::DOUBLE AS draw FROM of_users LIMIT 0")
    if not salt:
        return
    users = db.cursor().sql("SELECT DISTINCT user_hash FROM of_users WHERE wrong IS NULL").to_arrow_reader(BATCH_ROWS)
    for batch in users:
        hashes = batch.column(0)
        drawn = np.array([draw(in_bytes(user), salt) for user in hashes.to_pylist()])
        arms = pa.table({"user_hash": hashes, "draw": drawn})
        db.register("drawn", arms)
        db.execute("INSERT INTO draws SELECT * FROM drawn")
        db.unregister("drawn")


def in_bytes(user) -> bytes:
    """A user as the function of arms takes it; foreign logs may name users by text or number."""
    return user if isinstance(user, bytes) else str(user).encode()


def _judge(db, shares: Sequence[float], salted: bool) -> None:
    """A table of all sums with the user's arm and the reason why they are not used, '' where they are."""
    last, given = len(shares) - 1, [float(share) for share in shares]

    def drawn(share: str) -> str:
        return f"CASE WHEN draw < {share} THEN 'treatment' ELSE 'control' END"

    then, before = drawn(f"{given}[stage + 1]"), drawn(f"{given}[greatest(stage, 1)]")
    agrees = f"(assigned_arm = {then} OR (lagging AND assigned_arm = {before}))" if salted else "TRUE"
    arm = drawn(str(given[-1])) if salted else "assigned_arm"
    both = f"""SELECT user_hash FROM of_users WHERE wrong IS NULL AND stage = {last} GROUP BY ALL
        HAVING count(DISTINCT assigned_arm) > 1"""
    db.execute(f"CREATE TABLE far_out AS {far_out()}")
    db.execute(f"CREATE TABLE both_arms AS {'SELECT NULL AS user_hash WHERE FALSE' if salted else both}")
    db.execute(
        f"""CREATE TABLE judged AS SELECT *, {arm} AS arm, CASE
            WHEN wrong IS NOT NULL THEN wrong
            WHEN user_hash IN (SELECT user_hash FROM far_out) THEN 'bot'
            WHEN user_hash IN (SELECT user_hash FROM both_arms) THEN 'seen in both arms'
            WHEN NOT {agrees} THEN 'arm disagrees'
            WHEN stage < {last} AND {given}[stage + 1] = 0 THEN 'pre-period'
            WHEN stage < {last} THEN 'earlier share'
            WHEN assigned_arm <> arm THEN 'earlier share' ELSE '' END AS reason
            FROM of_users LEFT JOIN draws USING (user_hash)"""
    )


def _write(db, shards: Sequence[Path], folder: Path) -> None:
    """Each used user once, with its sums and those of its pre-period; and the buckets of all shards."""
    after = ", ".join(f"sum({name}) FILTER (reason = '') AS {name}" for name in MEASURES)
    before = ", ".join(f"coalesce(sum({name}) FILTER (reason <> ''), 0) AS pre_{name}" for name in MEASURES)
    arm = "min(arm) FILTER (reason = '')"  # a user is in one arm; the pre-period is that of whoever came again
    db.execute(
        f"""COPY (SELECT user_hash, {arm} AS arm, {after}, {before} FROM judged WHERE reason IN ('', 'pre-period')
            GROUP BY user_hash HAVING count(*) FILTER (reason = '') > 0)
            TO {text(folder / "users.parquet")} (FORMAT parquet, COMPRESSION zstd)"""
    )
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    db.execute(
        f"""COPY (SELECT arm, bucket, dimension, value, {sums} FROM {files(shards, "buckets")} GROUP BY ALL)
            TO {text(folder / "buckets.parquet")} (FORMAT parquet, COMPRESSION zstd)"""
    )


def _people(db) -> dict:
    """Users who were set aside, by reason."""
    rows = db.execute(
        """SELECT reason, count(DISTINCT user_hash) FROM judged
           WHERE reason IN ('bot', 'seen in both arms', 'arm disagrees') GROUP BY ALL ORDER BY ALL"""
    )
    return dict(rows.fetchall())


def _crossover(db) -> dict:
    """By assigned arm: the share of used exposures that another version than the arm's answered."""
    rows = db.execute(
        """SELECT arm, sum(exposures * crossed::INT) / sum(exposures) FROM judged WHERE reason = ''
           GROUP BY arm ORDER BY arm"""
    )
    return dict(rows.fetchall())


def _timing(db, kinds: int) -> dict:
    """Exposures whose outcomes came too late or too early to count, and outcomes of no exposure."""
    counts = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in ("matched", "late", "skewed"))
    query = f"SELECT {counts} FROM of_users"
    matched, late, skewed = db.execute(query).fetchall()[0]
    counted = {"exposures_with_outcome": matched, "late_outcomes": late, "skewed_outcomes": skewed}
    return counted | {"outcome_kinds": kinds}


def _requests(db, shards: Sequence[Path]) -> dict:
    """By version: what the guardrails look at. p99 is the edge of a bin, half a percent wide."""
    answered = "sum(requests) FILTER (bin IS NOT NULL)"
    stale, empty = (
        f"coalesce(sum(requests * {name}::INT) FILTER (bin IS NOT NULL) / {answered}, 0)" for name in ("stale", "empty")
    )
    rows = db.execute(
        f"""WITH bins AS (SELECT * FROM {files(shards, "requests")}),
            totals AS (SELECT version, sum(requests) AS n, sum(requests * failed::INT) / sum(requests) AS errors,
                {stale} AS stale, {empty} AS empty FROM bins GROUP BY version),
            ranks AS (SELECT version, bin, sum(sum(requests)) OVER (PARTITION BY version ORDER BY bin)
                / sum(sum(requests)) OVER (PARTITION BY version) AS rank
                FROM bins WHERE bin IS NOT NULL GROUP BY version, bin)
            SELECT version, n::BIGINT, errors, coalesce((SELECT exp((min(bin) + 1) / {LATENCY_BINS}::DOUBLE) FROM ranks
                WHERE ranks.version = totals.version AND rank >= 0.99), 0), stale, empty FROM totals ORDER BY version"""
    )
    names = ("requests", "error_rate", "latency_p99_ms", "missing_features_rate", "null_result_rate")
    return {version: dict(zip(names, figures, strict=True)) for version, *figures in rows.fetchall()}
