"""Rows that were logged more than once, in logs of any size: hashes of their keys are sorted part by part.

A table of all keys would not fit where the logs do not. Four bytes a row, of a quarter of the rows at a time, do.
Hashes of so few bits may agree by chance: rows that they name are compared by their keys.
Rows without a whole key are nobody's duplicates.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from components.event_logs import KEYS

PARTS = 4  # by the highest bits of the hash
PART_BITS = 32  # of the hash, that are sorted in a part
HASH_BITS = PART_BITS + 2
BATCH_ROWS = 1 << 20


def find_duplicate_hashes(db: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make `duplicate_hashes_TABLE` the hashes of keys that more than one row has."""
    with TemporaryDirectory() as folder:
        query = f"SELECT {key_hash(table)} FROM {table} WHERE {has_key(table)}"
        batches = db.sql(query).to_arrow_reader(BATCH_ROWS)
        hashes = repeated_hashes(batches, folder)
    db.register("hashes", pa.table({"h": hashes}))
    db.execute(f"CREATE TABLE duplicate_hashes_{table} AS SELECT h FROM hashes")
    db.unregister("hashes")


def number_duplicates(db: duckdb.DuckDBPyConnection, table: str, source: str) -> None:
    """Make `duplicates_TABLE` the rows that may have copies, numbered, the earliest of each key first.

    They are read from `source`, which holds at least all rows of `table` with a duplicate hash.
    """
    number = f"row_number() OVER (PARTITION BY {', '.join(KEYS[table])} ORDER BY t) AS copy"
    rows = f"SELECT *, {number} FROM {source} WHERE {may_be_duplicate(table)}"
    db.execute(f"CREATE TABLE duplicates_{table} AS {rows}")


def without_duplicates(table: str, source: str) -> str:
    """Return SQL for the rows of `source` without copies: of each key the earliest counts."""
    return f"""(SELECT * FROM {source} WHERE NOT {may_be_duplicate(table)}
        UNION ALL SELECT * EXCLUDE (copy) FROM duplicates_{table} WHERE copy = 1)"""


def may_be_duplicate(table: str) -> str:
    """Return SQL for the condition that a row's key may be another row's."""
    return f"({has_key(table)} AND {key_hash(table)} IN (SELECT h FROM duplicate_hashes_{table}))"


def has_key(table: str) -> str:
    """Return SQL for the condition that a row has all parts of its key."""
    return "(" + " AND ".join(f"{name} IS NOT NULL" for name in KEYS[table]) + ")"


def key_hash(table: str) -> str:
    """Return SQL for the hash of a row's key, below PARTS * 2**PART_BITS."""
    return f"(hash({', '.join(KEYS[table])}) >> {64 - HASH_BITS})"


def repeated_hashes(batches, folder: str) -> np.ndarray:
    """Return each value that occurs more than once in the batches' only column, uint64."""
    paths = [Path(folder) / str(part) for part in range(PARTS)]
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "wb")) for path in paths]
        for batch in batches:
            write_parts(batch.column(0).to_numpy(), files)
    low_bits = [repeated_values(np.fromfile(path, np.uint32)).astype(np.uint64) for path in paths]
    return np.concatenate([values + (part << PART_BITS) for part, values in enumerate(low_bits)])


def write_parts(hashes: np.ndarray, files: list) -> None:
    """Append the low bits of hashes, uint64, to the file of their highest bits."""
    parts = (hashes >> PART_BITS).astype(np.uint8)
    low_bits = hashes.astype(np.uint32)
    for part, file in enumerate(files):
        file.write(low_bits[np.flatnonzero(parts == part)].tobytes())


def repeated_values(values: np.ndarray) -> np.ndarray:
    """Return the values that occur more than once."""
    values.sort()
    return np.unique(values[1:][values[1:] == values[:-1]])
