"""DuckDB as this room uses it: a database that spills, quoted texts, Parquet out."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

MEMORY = "1200MB"


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills to a temporary folder."""
    with duckdb.connect() as db, TemporaryDirectory() as spill:
        db.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{spill}'; SET TimeZone = 'UTC'")
        db.execute(f"SET preserve_insertion_order = false; {thread_setting()}")
        yield db


def write(db: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write a query's rows as Parquet."""
    db.execute(f"COPY ({query}) TO {text(path)} (FORMAT parquet, COMPRESSION snappy)")


def text(value) -> str:
    """Return a value as SQL's text."""
    return "'" + str(value).replace("'", "''") + "'"


def thread_setting() -> str:
    """Return SQL by which a database uses every core that this process may."""
    return f"SET threads = {len(os.sched_getaffinity(0))}"


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).splitlines()[0]


def files(shards: Sequence[Path], name: str) -> str:
    """Return SQL for a table of all shards."""
    return f"read_parquet([{', '.join(text(shard / f'{name}.parquet') for shard in shards)}])"
