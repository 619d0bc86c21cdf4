"""From logs to one row a user and time slice, plus the evidence on whether the logs can be trusted; streamed by DuckDB.

Only exposures under the share now in force are used; those before it form the pre-period. Every row that is not used
is counted under its reason, and every logged arm is computed again from the user's hash.
"""

import tempfile
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from components.experiment.assignment import arm
from components.experiment.logs import moment
from components.logs import distinct

SLICES = 10  # points at which the interval over time is drawn
CACHE_S = 30  # callers may follow a share for so long after it was replaced
BOT_REQUESTS_AN_HOUR = 600
BATCH_ROWS = 4096
ARMS = pa.schema([("user_hash", pa.binary()), ("arms", pa.list_(pa.string()))])
NOTHING = {"experiment_id": "", "exposures": 0, "used": 0, "set_aside": {}}


def collect(logs: Path, experiment: dict, now: datetime, users: Path) -> dict:
    """Write the users' sums to `users` and return the evidence: accounts, disagreements, crossover, guardrails.

    Raises:
        ValueError: the revenue is in several currencies.
    """
    with duckdb.connect() as db, tempfile.TemporaryDirectory() as spill:
        db.execute(f"SET memory_limit='1GB'; SET threads=1; SET temp_directory='{spill}'")
        _views(db, logs)
        currency = _currency(db)
        _load_arms(db, experiment)
        db.execute(_judge_exposures(experiment, now), [experiment["experiment_id"]])
        _write_users(db, experiment, now, users)
        return experiment | {
            "now": now.isoformat(),
            "currency": currency,
            **_accounts(db),
            "crossover": _crossover(db, experiment["versions"]),
            "outcomes": _outcomes(db),
            "requests": _requests(db, experiment, now),
        }


def _views(db, logs: Path) -> None:
    for kind in ("exposures", "outcomes", "requests"):
        files = str(logs / kind / "**" / "*.parquet").replace("'", "''")
        rows = f"read_parquet('{files}')"
        source = distinct(kind, rows) if kind == "requests" else rows  # copies of the others are counted below
        db.execute(f"CREATE VIEW {kind} AS SELECT *, epoch_us(time) AS t FROM {source}")
    db.execute(
        """CREATE VIEW outcome AS SELECT request_id, item_id, max(kind = 'click')::INT AS clicks,
           max(kind = 'order')::INT AS orders, coalesce(max(revenue) FILTER (kind = 'order'), 0) AS revenue,
           max(grade) FILTER (kind = 'grade') AS grade FROM outcomes GROUP BY ALL"""
    )


def _currency(db) -> str:
    found = [row[0] for row in db.execute("SELECT DISTINCT currency FROM outcomes WHERE kind = 'order'").fetchall()]
    if len(found) > 1:
        raise ValueError(f"outcomes hold revenue in {sorted(map(str, found))}: convert it to one currency when logging")
    return found[0] if found else ""


def _load_arms(db, experiment: dict) -> None:
    """Each user's arm under every share so far, by the very function that callers use."""
    db.execute("CREATE TABLE arms (user_hash BLOB, arms VARCHAR[])")
    query = "SELECT DISTINCT user_hash FROM exposures WHERE experiment_id = ? AND user_hash IS NOT NULL"
    cursor = db.cursor().execute(query, [experiment["experiment_id"]])
    salt, shares = experiment["salt"], [stage["share"] for stage in experiment["stages"]]
    while rows := cursor.fetchmany(BATCH_ROWS):
        users = [{"user_hash": user, "arms": [arm(user, salt, share) for share in shares]} for (user,) in rows]
        batch = pa.Table.from_pylist(users, schema=ARMS)
        db.register("batch", batch)
        db.execute("INSERT INTO arms SELECT * FROM batch")
        db.unregister("batch")


def _judge_exposures(experiment: dict, now: datetime) -> str:
    """SQL for a table of all exposures: each with its stage, its user's arm and the reason why it is not used."""
    starts, last = _starts(experiment), len(experiment["stages"]) - 1
    stage = " + ".join(f"(t >= {start})::INT" for start in starts[1:]) or "0"
    shares = ", ".join(str(float(part["share"])) for part in experiment["stages"])
    ends = [*(f"t - {CACHE_S * 1_000_000} < {start}" for start in starts[1:]), "TRUE"]
    begun = ["TRUE", *(f"t >= {start}" for start in starts[1:])]
    agrees = " OR ".join(f"(arms[{k + 1}] = assigned_arm AND {begun[k]} AND {ends[k]})" for k in range(last + 1))
    return f"""CREATE TABLE judged AS
        WITH bots AS (SELECT DISTINCT user_hash FROM requests WHERE user_hash IS NOT NULL
            GROUP BY user_hash, t // 3600000000 HAVING count(DISTINCT request_id) > {BOT_REQUESTS_AN_HOUR}),
        numbered AS (SELECT e.*, {stage} AS stage, arms.arms,
            row_number() OVER (PARTITION BY request_id, item_id ORDER BY time) AS copy
            FROM exposures e LEFT JOIN arms USING (user_hash))
        SELECT request_id, item_id, user_hash, version, t, stage, arms[{last + 1}] AS arm, CASE
            WHEN copy > 1 THEN 'duplicate'
            WHEN coalesce(experiment_id, '') = '' OR coalesce(assigned_arm, '') = '' THEN 'no arm'
            WHEN experiment_id <> ? THEN 'another experiment'
            WHEN user_hash IS NULL THEN 'no user'
            WHEN user_hash IN (SELECT user_hash FROM bots) THEN 'bot'
            WHEN t > {_micros(now)} THEN 'after this look'
            WHEN NOT ({agrees}) THEN 'arm disagrees'
            WHEN stage < {last} AND ([{shares}])[stage + 1] = 0 THEN 'pre-period'
            WHEN stage < {last} THEN 'earlier share'
            WHEN assigned_arm <> arms[{last + 1}] THEN 'earlier share'
            END AS reason FROM numbered"""


def _write_users(db, experiment: dict, now: datetime, users: Path) -> None:
    """One row a user and slice: slice 0 is the pre-period, 1 to SLICES divide the time since the share was set."""
    start = _starts(experiment)[-1]
    span = max(_micros(now) - start, 1)
    users.parent.mkdir(parents=True, exist_ok=True)
    path = str(users).replace("'", "''")
    db.execute(
        f"""COPY (SELECT user_hash, arm,
            CASE WHEN reason IS NULL THEN least(1 + greatest(t - {start}, 0) * {SLICES} // {span}, {SLICES}) ELSE 0 END
            ::INT AS slice, count(*) AS exposures, coalesce(sum(revenue), 0)::BIGINT AS revenue,
            coalesce(sum(grade), 0)::DOUBLE AS grades, count(grade) AS graded,
            coalesce(sum(clicks), 0)::BIGINT AS clicks, coalesce(sum(orders), 0)::BIGINT AS orders
            FROM judged LEFT JOIN outcome USING (request_id, item_id)
            WHERE reason IS NULL OR reason = 'pre-period' GROUP BY ALL ORDER BY ALL)
            TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
    )


def _accounts(db) -> dict:
    rows = dict(db.execute("SELECT coalesce(reason, ''), count(*) FROM judged GROUP BY ALL ORDER BY ALL").fetchall())
    used = rows.pop("", 0)
    disagreements = rows.get("arm disagrees", 0)
    return {"exposures": used + sum(rows.values()), "used": used, "set_aside": rows, "disagreements": disagreements}


def _crossover(db, versions: dict) -> dict:
    """By assigned arm: the share of used exposures that another version than the arm's answered."""
    rows = db.execute(
        """SELECT arm, avg((version IS DISTINCT FROM CASE arm WHEN 'control' THEN ? ELSE ? END)::INT) FROM judged
           WHERE reason IS NULL GROUP BY arm ORDER BY arm""",
        [versions["control"], versions["treatment"]],
    )
    return dict(rows.fetchall())


def _outcomes(db) -> dict:
    total = db.execute("SELECT count(*) FROM outcomes").fetchone()[0]
    matched = "SELECT count(*) FROM outcomes SEMI JOIN (SELECT * FROM judged) USING (request_id, item_id)"
    return {"rows": total, "without_exposure": total - db.execute(matched).fetchone()[0]}


def _requests(db, experiment: dict, now: datetime) -> dict:
    """By the version that answered, under the share in force: what the guardrails look at."""
    rows = db.execute(
        """SELECT coalesce(version, ''), count(*), avg((status >= 500)::INT),
           coalesce(quantile_cont(latency_ms, 0.99) FILTER (status < 400), 0)::DOUBLE,
           coalesce(avg((missing_features > 0)::INT) FILTER (status < 400), 0)
           FROM requests WHERE experiment_id = ? AND t BETWEEN ? AND ? GROUP BY ALL ORDER BY ALL""",
        [experiment["experiment_id"], _starts(experiment)[-1], _micros(now)],
    )
    names = ("requests", "error_rate", "latency_p99_ms", "missing_features_rate")
    return {version: dict(zip(names, figures, strict=True)) for version, *figures in rows.fetchall()}


def _starts(experiment: dict) -> list[int]:
    return [_micros(moment(stage["started"])) for stage in experiment["stages"]]


def _micros(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)
