"""Rows that were logged more than once, found in logs of any size: by the hashes of their keys, sorted part by part.

A table of all keys would not fit where the logs do not; eight bytes a row, of a sixteenth of the rows at a time, do.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from components.event_logs import KEYS

PARTS = 16
BATCH_ROWS = 1 << 20


def find_suspects(db: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make `suspects_TABLE` the hashes of keys that more than one of its rows has."""
    with TemporaryDirectory() as folder:
        hashes = db.sql(f"SELECT {key_hash(table)} FROM {table}").to_arrow_reader(BATCH_ROWS)
        repeated = repeated_hashes(hashes, folder)
    db.register("repeated", pa.table({"h": repeated}))
    db.execute(f"CREATE TABLE suspects_{table} AS SELECT h FROM repeated")
    db.unregister("repeated")


def single_out(db: duckdb.DuckDBPyConnection, table: str, read: str) -> None:
    """Make `copies_TABLE` the rows that may have copies, numbered, the earliest of each key first.

    They are read from `read`, which holds at least all suspects of the table.
    """
    numbered = f"row_number() OVER (PARTITION BY {', '.join(KEYS[table])} ORDER BY t) AS copy"
    db.execute(f"CREATE TABLE copies_{table} AS SELECT *, {numbered} FROM {read} WHERE {suspect(table)}")


def single(table: str, read: str) -> str:
    """SQL for the rows of `read` without copies, of which the earliest counts."""
    return f"""(SELECT * FROM {read} WHERE NOT {suspect(table)}
        UNION ALL SELECT * EXCLUDE (copy) FROM copies_{table} WHERE copy = 1)"""


def suspect(table: str) -> str:
    """SQL for whether a row's key may be that of another row."""
    return f"({key_hash(table)} IN (SELECT h FROM suspects_{table}))"


def key_hash(table: str) -> str:
    """SQL for the hash of a row's key, 64 bits."""
    return f"hash({', '.join(KEYS[table])})"


def repeated_hashes(batches, folder: str) -> np.ndarray:
    """Each value that occurs more than once in the batches' only column, uint64."""
    edges = np.array([part * (2**64 // PARTS) for part in range(1, PARTS)], np.uint64)
    parts = [Path(folder) / str(part) for part in range(PARTS)]
    with ExitStack() as stack:
        files = [stack.enter_context(open(part, "wb")) for part in parts]
        for batch in batches:
            hashes = np.sort(batch.column(0).to_numpy())
            for file, some in zip(files, np.split(hashes, np.searchsorted(hashes, edges)), strict=True):
                file.write(some.tobytes())
    return np.concatenate([repeated(np.fromfile(part, np.uint64)) for part in parts])


def repeated(values: np.ndarray) -> np.ndarray:
    """The values that occur more than once."""
    values.sort()
    return np.unique(values[1:][values[1:] == values[:-1]])
