"""Times in anybody's logs, as SQL for microseconds since 1970: timestamps, dates, ISO 8601 texts, epoch numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a time before or from LATEST on is an error of a clock or a unit
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
UNITS_PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)  # s, ms, us, ns: their ranges do not meet
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FRACTIONS = ("FLOAT", "DOUBLE")
READABLE = "ISO 8601 with a zone (2026-10-20T08:00:00Z), epoch seconds, ms, us or ns, or a timestamp column"
LEAST_READABLE = 0.5  # of a column's values, below which the column is refused
ZONE = "[0-9]:[0-9]{2}.*(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$"


@dataclass(frozen=True)
class TimeColumn:
    """A column of times: its table, source, name, DuckDB type and path."""

    table: str
    source: str
    name: str
    type: str
    path: str

    @property
    def sql(self) -> str:
        """Return SQL for microseconds since 1970, NULL for what is no time of this century."""
        micros = f"({self._micros()})"
        return f"CASE WHEN {micros} >= {to_micros(EARLIEST)} AND {micros} < {to_micros(LATEST)} THEN {micros} END"

    def _micros(self) -> str:
        column = f'"{self.name}"'
        if self.type.startswith("TIMESTAMP"):
            return f"epoch_us({column})"
        if self.type == "DATE":
            return f"epoch_us({column}::TIMESTAMP)"
        if self.type in INTEGERS:
            return epoch_sql(f"{column}::HUGEINT")
        if self.type in FRACTIONS or self.type.startswith("DECIMAL"):
            return epoch_sql(f"{column}::DOUBLE")
        if self.type == "VARCHAR":
            return (
                f"coalesce(epoch_us(try_cast({column} AS TIMESTAMPTZ)), {epoch_sql(f'try_cast({column} AS DOUBLE)')})"
            )
        raise ValueError(self.refusal(f"values of type {self.type}"))

    def refusal(self, content: str) -> str:
        """Return the sentence that refuses the column."""
        return (
            f"{self.path}: {self.table}.{self.name} holds {content}, which is no time that can be read: give {READABLE}"
        )


def epoch_sql(number: str) -> str:
    """Return SQL for microseconds of an epoch number, whose size says its unit."""
    first = int(EARLIEST.timestamp())
    last = int(LATEST.timestamp())
    cases = [
        f"WHEN {number} >= {first * unit} AND {number} < {last * unit} THEN {scaled_sql(number, unit)}"
        for unit in UNITS_PER_SECOND
    ]
    return f"CASE {' '.join(cases)} END::BIGINT"


def scaled_sql(number: str, unit: int) -> str:
    """Return SQL for microseconds of a number of units."""
    return f"{number} * {1_000_000 // unit}" if unit <= 1_000_000 else f"{number} // {unit // 1_000_000}"


def check_times(db: duckdb.DuckDBPyConnection, column: TimeColumn) -> list[str]:
    """Return notes on how a column's times are read.

    Raises:
        ValueError: most values are no times. The sentence names column, value and what to give instead.
    """
    expression = column.sql
    if column.type.startswith("TIMESTAMP"):
        return [] if "TIME ZONE" in column.type else [zone_note(column)]
    column_sql = f'"{column.name}"'
    total, read, example = db.execute(
        f"""SELECT count({column_sql}), count({expression}),
            any_value({column_sql}::VARCHAR) FILTER ({expression} IS NULL) FROM {column.source}"""
    ).fetchall()[0]
    if read < LEAST_READABLE * total:
        raise ValueError(column.refusal(f"{example!r} ({column.type})"))
    if column.type == "DATE":
        return [f"{column.table}.{column.name} holds dates: each is taken as midnight UTC of its day"]
    if column.type == "VARCHAR" and has_local_times(db, column):
        return [zone_note(column)]
    return []


def has_local_times(db: duckdb.DuckDBPyConnection, column: TimeColumn) -> bool:
    """Tell whether some texts name no time zone."""
    column_sql = f'trim("{column.name}")'
    local = f"NOT regexp_matches({column_sql}, '{ZONE}') AND try_cast({column_sql} AS DOUBLE) IS NULL"
    return bool(db.execute(f"SELECT count(*) > 0 FROM {column.source} WHERE {local}").fetchall()[0][0])


def zone_note(column: TimeColumn) -> str:
    """Return the note on times without a zone."""
    return (
        f"{column.table}.{column.name} has times without a zone: they are taken as UTC "
        "(local times have to be converted, or written with their offset)"
    )


def to_micros(time: datetime) -> int:
    """Return microseconds since 1970."""
    return round(time.timestamp() * 1_000_000)
