"""The users of all shards: numbered, so that sums are grouped by a number, each with its draw."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from components.experiment.assignment import draw_all
from components.experiment.sql import files

BATCH_ROWS = 1 << 18
OUTLIER_FACTOR = 20  # times the 95th percentile of users' exposures: no person
OUTLIER_MINIMUM = 1000  # exposures that make nobody an outlier


def number_users(db: duckdb.DuckDBPyConnection, shards: Sequence[Path], salt: str | None) -> None:
    """Make `people` each user's number, key, exposures and draw.

    The draw is no number where the salt is not known. Its function is the one that callers use.
    """
    cells = files(shards, "cells")
    exposures = "coalesce(sum(exposures), 0)::BIGINT AS exposures"
    users = f"SELECT user_hash, {exposures} FROM {cells} WHERE exclusion_reason IS NULL GROUP BY user_hash"
    columns = "0 AS user_id, user_hash, 0::BIGINT AS exposures, 0.0::DOUBLE AS draw"
    db.execute(f"CREATE TABLE people AS SELECT {columns} FROM {cells} LIMIT 0")
    count = 0
    for batch in db.cursor().sql(users).to_arrow_reader(BATCH_ROWS):
        hashes = batch.column(0)
        draws = draw_all(to_keys(hashes), salt) if salt else np.full(len(hashes), np.nan)
        numbers = np.arange(count, count + len(hashes), dtype=np.int32)
        columns = {"user_id": numbers, "user_hash": hashes, "exposures": batch.column(1), "draw": draws}
        db.register("batch", pa.table(columns))
        db.execute("INSERT INTO people SELECT * FROM batch")
        db.unregister("batch")
        count += len(hashes)


def count_most_exposures(db: duckdb.DuckDBPyConnection) -> int:
    """Return the exposures that a person may have. Users with more are bots."""
    usual = f"{OUTLIER_FACTOR} * quantile_disc(exposures, 0.95)"
    return db.execute(f"SELECT greatest({OUTLIER_MINIMUM}, {usual}) FROM people").fetchall()[0][0]


def to_keys(users: pa.Array) -> list[bytes]:
    """Return users' keys, of whatever type, as the bytes that arms are drawn from."""
    keys = users.to_pylist()
    return keys if pa.types.is_binary(users.type) else [str(key).encode() for key in keys]
