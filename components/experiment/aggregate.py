"""One shard of an experiment's logs as sums that add up: by user, by bucket of users and slice, by version.

Whatever the number of exposures, what is kept is a few rows a user. Shards are made side by side and merged
(`components.experiment.attribute`); a shard holds whole requests, so that copies of a row meet in it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from components.experiment.deduplicate import find_suspects, key_hash, single, single_out
from components.experiment.log_views import every_core, text, view
from components.experiment.logs import moment

CACHE = timedelta(seconds=30)  # callers may follow a share for so long after it was replaced
WINDOW = timedelta(days=1)  # an outcome later than this after its exposure is not that exposure's
SKEW = timedelta(minutes=5)  # clocks may differ by so much: an outcome that is earlier still is counted as skewed
BUCKETS = 500  # of users, the units of what is said by slice and over time
CUTS = 10  # points over time, of an experiment under two days; of a longer one, a point a day
FAR_OUT = 20  # times the 95th percentile of users' exposures: no person
FEW = 1000  # exposures that nobody is called far out for
DIMENSIONS = ("query_class", "locale", "category")
CAME = ("revenue", "grades", "graded", "clicks", "orders")  # of exposures: what SUMS sums
MEASURES = ("exposures", *CAME)
SUMS = """coalesce(sum(revenue), 0)::DOUBLE AS revenue, coalesce(sum(grade), 0)::DOUBLE AS grades,
    count(grade) AS graded, coalesce(sum(clicks), 0)::BIGINT AS clicks, coalesce(sum(orders), 0)::BIGINT AS orders"""
TIMES = """count(*) FILTER (matched) AS matched, count(*) FILTER (late) AS late, count(*) FILTER (skewed) AS skewed"""
STANDING = ("user_hash", "assigned_arm", "wrong", "stage", "lagging", "crossed")  # what decides whether a row is used
LATENCY_BINS = 200  # a factor of e: p99 is known to half a percent


@dataclass(frozen=True)
class Places:
    """Where the logs lie, and by which names their columns go: {"exposures": {"user_hash": "uid"}}."""

    exposures: Path
    outcomes: Path
    requests: Path | None = None
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def collect(places: Places, experiment: Mapping, now: datetime, folder: Path, memory: str = "1200MB") -> dict:
    """Write a shard's sums to `folder`; returns its accounts.

    `experiment` has experiment_id, stages (share and start each) and versions by arm; where it is `nameless`, rows that
    name no experiment are its own.

    Raises:
        ValueError: a log cannot be read, or the revenue is in several currencies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as db, TemporaryDirectory() as spill:
        db.execute(f"SET memory_limit = '{memory}'; SET temp_directory = '{spill}'; SET TimeZone = 'UTC'")
        db.execute(f"SET preserve_insertion_order = false; {every_core()}")
        for table in ("exposures", "outcomes", "requests"):
            if place := vars(places)[table]:
                view(db, table, place, places.renamed.get(table, {}))
        accounts = {"currency": _currency(db)} | _outcomes(db)
        _touched(db)
        _standing(db, experiment, now)
        _by_user(db, folder / "users.parquet")
        _by_bucket(db, experiment, now, folder)
        accounts |= _counted(db)
        _by_version(db, experiment, now, folder / "requests.parquet", bool(places.requests))
    (folder / "accounts.json").write_text(json.dumps(accounts))
    return accounts


def _currency(db) -> str:
    rows = db.execute("SELECT DISTINCT currency FROM outcomes WHERE kind = 'order'").fetchall()
    return one_currency({currency for (currency,) in rows})


def one_currency(found: Collection[str | None]) -> str:
    """The only currency there is, '' where none is named.

    Raises:
        ValueError: there are several.
    """
    if len(found) > 1:
        raise ValueError(f"outcomes hold revenue in {sorted(map(str, found))}: convert it to one currency when logging")
    return next(iter(found), "") or ""


def _outcomes(db) -> dict:
    """One row of what came of each exposure; and how many outcomes there were, copies and unknown kinds among them."""
    revenue, grade = (
        f"max({name}::DOUBLE) FILTER (kind = '{kind}' AND NOT isnan({name}::DOUBLE))"
        for name, kind in (("revenue", "order"), ("grade", "grade"))
    )
    db.execute(
        f"""CREATE TABLE outcome AS SELECT request_id, item_id, min(t) AS first, max((kind = 'click')::INT) AS clicks,
           max((kind = 'order')::INT) AS orders, {revenue} AS revenue, {grade} AS grade,
           count(*) AS rows, count(*) - count(DISTINCT kind) AS copies,
           count(*) FILTER (kind NOT IN ('click', 'order', 'grade')) AS unknown
           FROM outcomes GROUP BY request_id, item_id"""
    )
    rows, copies, unknown = db.execute(
        "SELECT coalesce(sum(rows), 0), coalesce(sum(copies), 0), coalesce(sum(unknown), 0) FROM outcome"
    ).fetchall()[0]
    return {"outcomes": int(rows), "outcome_copies": int(copies), "outcomes_of_unknown_kind": int(unknown)}


def _touched(db) -> None:
    """A table of the few exposures that something came of or that may be copies; and which of them are copies."""
    find_suspects(db, "exposures")
    hashes = f"SELECT h FROM suspects_exposures UNION ALL SELECT {key_hash('exposures')} FROM outcome"
    db.execute(f"CREATE TABLE touched AS SELECT * FROM exposures WHERE {key_hash('exposures')} IN ({hashes})")
    single_out(db, "exposures", "touched")


def _standing(db, experiment: Mapping, now: datetime) -> None:
    """All exposures with their stage and what is wrong with each: the view `standing`, and the table `followed`.

    The view holds every logged row with n = 1, and copies once more with n = -1: they cancel out in any sum of n, and
    no row has to be looked up to be left out. The table holds the few rows that something came of, each once.
    """
    said = f"user_hash, assigned_arm, t, {', '.join(DIMENSIONS)}, {_judged(experiment, now)}"
    db.execute(
        f"""CREATE VIEW standing AS SELECT {said}, n FROM (SELECT *, 1 AS n FROM exposures
            UNION ALL SELECT * EXCLUDE (copy), -1 FROM copies_exposures WHERE copy > 1)"""
    )
    timely = f"first BETWEEN t - {micros(SKEW)} AND t + {micros(WINDOW)}"
    came = ("clicks", "orders", "revenue", "grade")
    counted = ", ".join(f"CASE WHEN {timely} THEN {name} END AS {name}" for name in came)
    db.execute(
        f"""CREATE TABLE followed AS SELECT {said}, {counted}, TRUE AS matched,
            first > t + {micros(WINDOW)} AS late, first < t - {micros(SKEW)} AS skewed
            FROM {single("exposures", "touched")} JOIN outcome USING (request_id, item_id)"""
    )


def _judged(experiment: Mapping, now: datetime) -> str:
    """SQL for the columns that say why a row is not used, under which share it was shown, and by which version."""
    starts, versions = _starts(experiment), experiment["versions"]
    stage = " + ".join(f"(t >= {start})::INT" for start in starts[1:]) or "0"
    lagging = " OR ".join(f"t BETWEEN {start} AND {start + micros(CACHE)}" for start in starts[1:]) or "FALSE"
    answers = (
        f"CASE assigned_arm WHEN 'control' THEN {text(versions['control'])} ELSE {text(versions['treatment'])} END"
    )
    name = text(experiment["experiment_id"])
    logged = f"coalesce(experiment_id, {name if experiment.get('nameless') else text('')})"
    return f"""CASE WHEN {logged} = '' OR coalesce(assigned_arm, '') = '' THEN 'no arm'
             WHEN {logged} <> {name} THEN 'another experiment'
             WHEN user_hash IS NULL THEN 'no user'
             WHEN t IS NULL THEN 'no time'
             WHEN t > {micros(now)} THEN 'after this look'
             WHEN t < {starts[0]} THEN 'before it began' END AS wrong,
        {stage} AS stage, {lagging} AS lagging, coalesce(version, '') <> {answers} AS crossed"""


def _by_user(db, path: Path) -> None:
    """Sums by user, arm, stage, and whatever else decides whether they are used."""
    keys, same = ", ".join(STANDING), " AND ".join(f"s.{name} IS NOT DISTINCT FROM f.{name}" for name in STANDING)
    came = ", ".join(f"coalesce({name}, 0) AS {name}" for name in (*CAME, "matched", "late", "skewed"))
    db.execute(
        f"""CREATE TABLE of_users AS SELECT s.*, {came}
            FROM (SELECT {keys}, sum(n)::BIGINT AS exposures FROM standing GROUP BY ALL HAVING sum(n) > 0) s
            LEFT JOIN (SELECT {keys}, {SUMS}, {TIMES} FROM followed GROUP BY ALL) f ON {same}"""
    )
    db.execute(f"COPY of_users TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")
    db.execute(f"CREATE TABLE far_out AS {far_out()}")


def far_out() -> str:
    """SQL for the users of `of_users` that no person can be."""
    people = "SELECT user_hash, sum(exposures) AS shown FROM of_users WHERE wrong IS NULL GROUP BY ALL"
    usual = f"{FAR_OUT} * quantile_disc(shown, 0.95) OVER ()"
    return f"SELECT user_hash FROM ({people}) QUALIFY shown > greatest({FEW}, {usual})"


def _by_bucket(db, experiment: Mapping, now: datetime, folder: Path) -> None:
    """Sums under the share in force by arm and bucket of users, for every slice and every cut of time."""
    starts, last = _starts(experiment), len(experiment["stages"]) - 1
    span = max(micros(now) - starts[-1], 1)
    cuts = cuts_of(span)
    cut = f"least(greatest(t - {starts[-1]}, 0) * {cuts} // {span}, {cuts - 1})::INT AS cut"
    used = f"wrong IS NULL AND stage = {last}"
    if db.execute("SELECT count(*) FROM far_out").fetchall()[0][0]:
        used += " AND user_hash NOT IN (SELECT user_hash FROM far_out)"
    named = ", ".join(f"coalesce({name}, '') AS {name}" for name in DIMENSIONS)
    keys = ("cut", *DIMENSIONS)
    cell = f"SELECT assigned_arm AS arm, (hash(user_hash) % {BUCKETS})::INT AS bucket, {cut}, {named}"
    came = ", ".join(f"coalesce({name}, 0) AS {name}" for name in CAME)
    db.execute(
        f"""CREATE TABLE cells AS SELECT n.*, {came}
            FROM ({cell}, sum(n)::BIGINT AS exposures FROM standing WHERE {used} GROUP BY ALL) n
            LEFT JOIN ({cell}, {SUMS} FROM followed WHERE {used} GROUP BY ALL) f USING (arm, bucket, {", ".join(keys)})
            WHERE exposures > 0"""
    )
    sets = ", ".join(f"(arm, bucket, {name})" for name in keys)
    place = " ".join(f"WHEN grouping({name}) = 0 THEN '{name}'" for name in keys)
    value = f"coalesce({', '.join(f'{name}::VARCHAR' for name in keys)})"
    summed = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    db.execute(
        f"""COPY (SELECT arm, bucket, CASE {place} END AS dimension, {value} AS value, {summed} FROM cells
            GROUP BY GROUPING SETS ({sets})) TO {text(folder / "buckets.parquet")} (FORMAT parquet, COMPRESSION zstd)"""
    )


def cuts_of(span_us: int) -> int:
    """How many points over time are drawn: one a day where it lasts two days."""
    days = span_us // micros(timedelta(days=1))
    return int(days) if days >= 2 else CUTS


def _counted(db) -> dict:
    rows = db.execute("SELECT count(*), count(*) FILTER (copy > 1) FROM copies_exposures").fetchall()[0]
    shown = db.execute("SELECT coalesce(sum(exposures), 0)::BIGINT FROM of_users").fetchall()[0][0]
    return {"exposures": shown + rows[1], "duplicates": rows[1]}


def _by_version(db, experiment: Mapping, now: datetime, path: Path, logged: bool) -> None:
    """Requests by version, status and latency, under the share in force: what the guardrails look at."""
    empty = (
        "SELECT NULL::VARCHAR AS version, FALSE AS failed, FALSE AS stale, FALSE AS empty, NULL::INT AS bin WHERE FALSE"
    )
    rows = empty
    if logged:
        find_suspects(db, "requests")
        single_out(db, "requests", "requests")
        rows = f"""SELECT coalesce(version, '') AS version, status >= 500 AS failed,
            coalesce(missing_features, 0) > 0 AS stale, coalesce(items, 1) = 0 AS empty,
            CASE WHEN status < 400 THEN floor({LATENCY_BINS} * ln(greatest(latency_ms, 0.001)))::INT END AS bin
            FROM {single("requests", "requests")} WHERE t BETWEEN {_starts(experiment)[-1]} AND {micros(now)}
            AND coalesce(experiment_id, {text(experiment["experiment_id"])}) = {text(experiment["experiment_id"])}"""
    db.execute(f"COPY (SELECT *, count(*) AS requests FROM ({rows}) GROUP BY ALL) TO {text(path)} (FORMAT parquet)")


def _starts(experiment: Mapping) -> list[int]:
    return [micros(moment(stage["started"])) for stage in experiment["stages"]]


def micros(time: datetime | timedelta) -> int:
    """Microseconds, since 1970 or of a span."""
    return time // timedelta(microseconds=1) if isinstance(time, timedelta) else round(time.timestamp() * 1_000_000)
