"""Requests by the version that answered them: what the guardrails look at."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from components.experiment.assignment import INTERLEAVE
from components.experiment.deduplicate import find_duplicate_hashes, number_duplicates, without_duplicates
from components.experiment.log_times import to_micros
from components.experiment.records import ExperimentSetup, RequestSummary
from components.experiment.sql import files, text, write

LATENCY_BINS = 200  # a factor of e: p99 is known to half a percent


def write_requests(db: duckdb.DuckDBPyConnection, setup: ExperimentSetup, now: datetime, path: Path) -> None:
    """Write requests by version, status and latency, under the share in force.

    While pages are interleaved they are the rankers' parts in pages: both saw the same requests, side by side.
    """
    find_duplicate_hashes(db, "requests")
    number_duplicates(db, "requests", "requests")
    name = text(setup.experiment_id)
    is_rankers_part = f"(coalesce(assigned_arm, '') = {text(INTERLEAVE)})"
    latency = f"floor({LATENCY_BINS} * ln(greatest(latency_ms, 0.001)))::INT"
    rows = f"""SELECT coalesce(version, '') AS version, status >= 500 AS failed,
        coalesce(missing_features, 0) > 0 AS stale, coalesce(items, 1) = 0 AS empty,
        CASE WHEN status < 400 AND isfinite(latency_ms) THEN {latency} END AS bin
        FROM {without_duplicates("requests", "requests")}
        WHERE status IS NOT NULL AND t BETWEEN {to_micros(setup.starts[-1])} AND {to_micros(now)}
        AND coalesce(experiment_id, {name}) = {name}
        AND {is_rankers_part} = {bool(setup.interleaved_share)}"""
    write(db, f"SELECT *, count(*) AS requests FROM ({rows}) GROUP BY ALL", path)


def summarize_requests(db: duckdb.DuckDBPyConnection, shards: Sequence[Path]) -> dict[str, RequestSummary]:
    """Return by version what the guardrails look at."""
    answers = "sum(requests) FILTER (bin IS NOT NULL)"
    stale = f"coalesce(sum(requests * stale::INT) FILTER (bin IS NOT NULL) / {answers}, 0)"
    empty = f"coalesce(sum(requests * empty::INT) FILTER (bin IS NOT NULL) / {answers}, 0)"
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
    return {version: RequestSummary(*figures) for version, *figures in rows.fetchall()}
