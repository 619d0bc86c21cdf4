"""The users of all shards: numbered, so that sums are grouped by a number, each with its draw."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from components.experiment.assignment import draw_all
from components.experiment.sql import files

BATCH_ROWS = 65_536


def number_users(db: duckdb.DuckDBPyConnection, shards: Sequence[Path], salt: str | None) -> None:
    """Make `people` each user's number, key and draw.

    The draw is no number where the salt is not known. Its function is the one that callers use.
    """
    cells = files(shards, "cells")
    users = f"SELECT DISTINCT user_hash FROM {cells} WHERE exclusion_reason IS NULL"
    db.execute(f"CREATE TABLE people AS SELECT 0 AS user_id, user_hash, 0.0::DOUBLE AS draw FROM {cells} LIMIT 0")
    count = 0
    for batch in db.cursor().sql(users).to_arrow_reader(BATCH_ROWS):
        hashes = batch.column(0)
        draws = draw_all(map(to_bytes, hashes.to_pylist()), salt) if salt else np.full(len(hashes), np.nan)
        numbers = np.arange(count, count + len(hashes), dtype=np.int32)
        db.register("batch", pa.table({"user_id": numbers, "user_hash": hashes, "draw": draws}))
        db.execute("INSERT INTO people SELECT * FROM batch")
        db.unregister("batch")
        count += len(hashes)


def to_bytes(user) -> bytes:
    """Return a user's key, of whatever type, as the bytes that arms are drawn from."""
    return user if isinstance(user, bytes) else str(user).encode()
