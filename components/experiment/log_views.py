"""Anybody's Parquet logs as three views of one shape: `exposures`, `outcomes` and `requests`, times in microseconds.

Columns of other names are renamed by a mapping; those that the analysis can do without are empty where they are not.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import duckdb

from components.experiment.assignment import ARMS

NEEDED = {
    "exposures": ("time", "request_id", "item_id", "user_hash", "assigned_arm"),
    "outcomes": ("time", "request_id", "item_id", "kind"),
    "requests": ("time", "status", "latency_ms", "version"),
}
OPTIONAL = {  # name: type of the empty column
    "exposures": {
        "experiment_id": "VARCHAR",
        "version": "VARCHAR",
        "query_class": "VARCHAR",
        "locale": "VARCHAR",
        "category": "VARCHAR",
    },
    "outcomes": {"revenue": "DOUBLE", "currency": "VARCHAR", "grade": "DOUBLE"},
    "requests": {
        "request_id": "VARCHAR",
        "experiment_id": "VARCHAR",
        "items": "INTEGER",
        "missing_features": "INTEGER",
    },
}


def view(db: duckdb.DuckDBPyConnection, table: str, place: Path, renamed: Mapping[str, str]) -> None:
    """Make `table` a view of all Parquet files at `place` (a file or a folder), times as `t`.

    `renamed` says by which name a column is found there, and what the arms are called: {"user_hash": "uid"},
    {"control": "A", "treatment": "B"}.

    Raises:
        ValueError: there is no Parquet file, or a needed column is neither there nor mapped.
    """
    files = text(place / "**" / "*.parquet" if place.is_dir() else place)
    source = f"read_parquet({files}, hive_partitioning = false, union_by_name = true)"
    try:
        there = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    except duckdb.Error as error:
        raise ValueError(f"{place}: no Parquet file of {table} can be read there: {first_line(error)}") from None
    columns = []
    for name in (*NEEDED[table], *OPTIONAL[table]):
        found = renamed.get(name, name)
        if found in there:
            columns.append(selected(name, found, there[found], renamed))
        elif name in renamed or name in NEEDED[table]:
            raise ValueError(
                f"{place}: {table} have no column {found!r} but {', '.join(sorted(there))}; "
                f"name the one that holds it by --columns {table}.{name}=NAME"
            )
        else:
            columns.append(f"NULL::{OPTIONAL[table][name]} AS {name}")
    db.execute(f"CREATE VIEW {table} AS SELECT {', '.join(columns)} FROM {source}")


def selected(name: str, found: str, kind: str, renamed: Mapping[str, str]) -> str:
    """SQL for one column under its own name; arms of other names become control and treatment."""
    if name == "time":
        return f"{of_time(found, kind)} AS t"
    arms = {renamed[arm]: arm for arm in ARMS if arm in renamed}
    if name != "assigned_arm" or not arms:
        return f'"{found}" AS {name}'
    cases = " ".join(f"WHEN {text(theirs)} THEN {text(ours)}" for theirs, ours in arms.items())
    return f'CASE "{found}"::VARCHAR {cases} ELSE "{found}"::VARCHAR END AS {name}'


def text(value) -> str:
    """A value as SQL's text."""
    return "'" + str(value).replace("'", "''") + "'"


def of_time(column: str, kind: str) -> str:
    """SQL for microseconds since 1970; a time without a zone is UTC."""
    if kind.startswith("TIMESTAMP"):
        return f'epoch_us("{column}")'
    return f"""epoch_us(("{column}")::TIMESTAMPTZ)"""


def every_core() -> str:
    """SQL by which a database uses every core that this process may."""
    return f"SET threads = {len(os.sched_getaffinity(0))}"


def first_line(error: Exception) -> str:
    """What a library says, without its drawing."""
    return str(error).splitlines()[0]
