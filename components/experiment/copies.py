"""Rows that were logged more than once, found in logs of any size: by the hashes of their keys, sorted part by part.

A table of all keys would not fit where the logs do not; eight bytes a row, of a sixteenth of the rows at a time, do.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from components.logs import KEYS

PARTS = 16
BATCH_ROWS = 1 << 20


def single_out(db: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make `distinct_TABLE` a view of its rows without copies, of which the earliest counts, and `copies_TABLE`.

    Rows whose key's hash is that of no other row are read where they lie; the few others become a table.
    """
    keys = ", ".join(KEYS[table])
    with TemporaryDirectory() as folder:
        repeated = repeated_hashes(db.sql(f"SELECT hash({keys}) FROM {table}").to_arrow_reader(BATCH_ROWS), folder)
    db.register("repeated", pa.table({"h": repeated}))
    db.execute(f"CREATE TABLE suspects_{table} AS SELECT h FROM repeated")
    db.unregister("repeated")
    among = suspect(table)
    numbered = f"SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY t) AS copy FROM {table} WHERE {among}"
    db.execute(f"CREATE TABLE copies_{table} AS {numbered if len(repeated) else f'{numbered} LIMIT 0'}")
    db.execute(
        f"""CREATE VIEW distinct_{table} AS SELECT * FROM {table} WHERE NOT {among}
            UNION ALL SELECT * EXCLUDE (copy) FROM copies_{table} WHERE copy = 1"""
    )


def suspect(table: str) -> str:
    """SQL for whether a row's key may be that of another row."""
    return f"(hash({', '.join(KEYS[table])}) IN (SELECT h FROM suspects_{table}))"


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
