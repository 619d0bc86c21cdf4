"""Anybody's Parquet logs as three views of one shape: `exposures`, `outcomes` and `requests`, times in microseconds.

Columns of other names are mapped. Optional columns that the logs lack are empty.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from components.contracts import TEAMS
from components.experiment.assignment import ARMS
from components.experiment.log_times import TimeColumn, check_dates, check_times, last_moment_sql
from components.experiment.records import AttributionRules
from components.experiment.sql import first_line, text

KINDS = ("click", "order", "refund", "grade")
NEEDED = {
    "exposures": ("time", "request_id", "item_id", "user_hash", "assigned_arm"),
    "outcomes": ("time", "request_id", "item_id", "kind"),
    "requests": ("time", "status", "latency_ms", "version"),
    "pages": ("time", "request_id", "item_id", "user_hash", "version", "query", "position"),  # exposures, to plan from
}
OPTIONAL = {  # name: type of the empty column
    "exposures": {
        "experiment_id": "VARCHAR",
        "version": "VARCHAR",
        "query_class": "VARCHAR",
        "locale": "VARCHAR",
        "category": "VARCHAR",
        "page_kind": "VARCHAR",
        "team": "VARCHAR",
    },
    "outcomes": {"order_id": "VARCHAR", "revenue": "DOUBLE", "currency": "VARCHAR", "grade": "DOUBLE"},
    "requests": {
        "request_id": "VARCHAR",
        "experiment_id": "VARCHAR",
        "assigned_arm": "VARCHAR",
        "items": "INTEGER",
        "missing_features": "INTEGER",
    },
    "pages": {"locale": "VARCHAR"},
}
DRAFTS_NEEDED = ("time", "request_id", "item_id", "user_hash", "team", "position")  # of interleaved exposures
DRAFT_TEXTS = ("experiment_id", "page_kind", "query", "locale", "draft_day", "stable_version", "candidate_version")
DRAFT_NUMBERS = ("pair", "stable_rank", "candidate_rank")
DRAFTS_OPTIONAL = dict.fromkeys(DRAFT_TEXTS, "VARCHAR") | dict.fromkeys(DRAFT_NUMBERS, "INTEGER")
NUMBERS = {"revenue": "DOUBLE", "grade": "DOUBLE", "latency_ms": "DOUBLE"} | dict.fromkeys(
    ("status", "items", "missing_features", "position", *DRAFT_NUMBERS), "INTEGER"
)
KEYS = ("request_id", "item_id", "order_id", "user_hash")  # compared as they are where they are texts or bytes


def create_view(
    db: duckdb.DuckDBPyConnection, table: str, path: Path, columns: Mapping[str, str], rules: AttributionRules
) -> list[str]:
    """Make `table` a view of the Parquet files at `path` and return notes.

    `columns` maps our names to the logs' ({"user_hash": "uid"}) and our arms to theirs ({"control": "A"}).
    `rules` has the logs' kinds of outcomes ({"purchase": "order"}), the zone of times without one, and whether pages
    are interleaved. Outcomes have the last moment that their time can mean as `last_t`.

    Raises:
        ValueError: there is no Parquet file, a needed column is neither there nor mapped, or holds what cannot be read.
    """
    files = text(path / "**" / "*.parquet" if path.is_dir() else path)
    source = f"read_parquet({files}, hive_partitioning = false, union_by_name = true)"
    types = column_types(db, table, path, source)
    expressions = []
    needed_columns, optional_columns = expected_columns(table, rules)
    for name in (*needed_columns, *optional_columns):
        source_name = columns.get(name, name)
        if source_name in types:
            column = TimeColumn(table, source, source_name, types[source_name], str(path), rules.zone)
            expressions.append(column_sql(name, column, columns, rules.kinds))
        elif name in columns or name in needed_columns:
            problem = f"{table} have no column {source_name!r} but {', '.join(sorted(types))}"
            raise ValueError(f"{path}: {problem}; name the one that holds it by --columns {table}.{name}=NAME")
        else:
            expressions.append(f"NULL::{optional_columns[name]} AS {name}")
    last_moment = f", {last_moment_sql(rules.zone)} AS last_t" if table == "outcomes" else ""
    db.execute(f"CREATE VIEW {table} AS SELECT *{last_moment} FROM (SELECT {', '.join(expressions)} FROM {source})")
    time_name = columns.get("time", "time")
    times = TimeColumn(table, source, time_name, types[time_name], str(path), rules.zone)
    notes = check_times(db, times)
    return notes + check_dates(db, times) if table == "outcomes" else notes


def expected_columns(table: str, rules: AttributionRules) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the columns that a table needs, and the optional ones with their types."""
    if table == "exposures" and rules.has_both:
        needed_columns = tuple(dict.fromkeys((*NEEDED[table], *DRAFTS_NEEDED)))
        optional_columns = DRAFTS_OPTIONAL | OPTIONAL[table]
        return needed_columns, {name: kind for name, kind in optional_columns.items() if name not in needed_columns}
    if table == "exposures" and rules.is_interleaved:
        return DRAFTS_NEEDED, DRAFTS_OPTIONAL
    return NEEDED[table], OPTIONAL[table]


def column_types(db: duckdb.DuckDBPyConnection, table: str, path: Path, source: str) -> dict[str, str]:
    """Return the DuckDB type of every column at `path`."""
    try:
        return {name: kind for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    except duckdb.Error as error:
        raise ValueError(f"{path}: no Parquet file of {table} can be read there: {first_line(error)}") from None


def column_sql(name: str, column: TimeColumn, columns: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """Return SQL for one column under our name, with NULL for what is no number."""
    source_sql = f'"{column.name}"'
    if name == "time":
        return f"{column.sql} AS t"
    if name == "assigned_arm":
        return f"{named_sql(source_sql, columns, ARMS)} AS {name}"
    if name == "team":
        return f"{named_sql(source_sql, columns, TEAMS)} AS {name}"
    if name == "kind":
        return f"{kind_sql(source_sql, kinds)} AS {name}"
    if name in NUMBERS:
        return f"try_cast({source_sql} AS {NUMBERS[name]}) AS {name}"
    if name in KEYS and column.type in ("VARCHAR", "BLOB"):
        return f"{source_sql} AS {name}"
    if name == "user_hash":
        return f"{source_sql} AS {name}"
    return f"{source_sql}::VARCHAR AS {name}"


def named_sql(column: str, columns: Mapping[str, str], names: Iterable[str]) -> str:
    """Return SQL for arms or teams under our names, where the logs have others."""
    cases = " ".join(f"WHEN {text(columns[name])} THEN {text(name)}" for name in names if name in columns)
    return f"CASE {column}::VARCHAR {cases} ELSE {column}::VARCHAR END" if cases else f"{column}::VARCHAR"


def kind_sql(column: str, kinds: Mapping[str, str]) -> str:
    """Return SQL for an outcome's kind in lower case, mapped to ours."""
    plain = f"lower(trim({column}::VARCHAR))"
    cases = " ".join(f"WHEN {text(theirs.lower())} THEN {text(ours)}" for theirs, ours in kinds.items())
    return f"CASE {plain} {cases} ELSE {plain} END" if cases else plain
