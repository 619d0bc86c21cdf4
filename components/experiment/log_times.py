"""Times in anybody's logs, as SQL for microseconds since 1970: timestamps, dates, ISO 8601 texts, epoch numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from components.experiment.sql import text

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a time before or from LATEST on is an error of a clock or a unit
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
UNITS_PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)  # s, ms, us, ns: their ranges do not meet
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FRACTIONS = ("FLOAT", "DOUBLE")
READABLE = "ISO 8601 with a zone (2026-10-20T08:00:00Z), epoch seconds, ms, us or ns, or a timestamp column"
LEAST_READABLE = 0.5  # of a column's values, below which the column is refused
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
LEAST_DATES = 0.01  # of the outcomes, below which times at midnight are chance and not mentioned
ZONE = "[0-9]:[0-9]{2}.*(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$"


@dataclass(frozen=True)
class TimeColumn:
    """A column of times, and the zone of those that name none.

    The SQL needs a session in UTC.
    """

    table: str
    source: str
    name: str
    type: str
    path: str
    zone: str = "UTC"

    @property
    def sql(self) -> str:
        """Return SQL for microseconds since 1970, NULL for what is no time of this century."""
        micros = f"({self._micros()})"
        return f"CASE WHEN {micros} >= {to_micros(EARLIEST)} AND {micros} < {to_micros(LATEST)} THEN {micros} END"

    def _micros(self) -> str:
        column = f'"{self.name}"'
        if self.type.startswith("TIMESTAMP") and "TIME ZONE" in self.type:
            return f"epoch_us({column})"
        if self.type.startswith("TIMESTAMP") or self.type == "DATE":
            return self._local_micros(f"{column}::TIMESTAMP")
        if self.type in INTEGERS:
            return epoch_sql(f"{column}::HUGEINT")
        if self.type in FRACTIONS or self.type.startswith("DECIMAL"):
            return epoch_sql(f"{column}::DOUBLE")
        if self.type == "VARCHAR":
            return f"coalesce({self._text_micros(column)}, {epoch_sql(f'try_cast({column} AS DOUBLE)')})"
        raise ValueError(self.refusal(f"values of type {self.type}"))

    def _text_micros(self, column: str) -> str:
        with_zone = f"epoch_us(try_cast({column} AS TIMESTAMPTZ))"
        if self.zone == "UTC":
            return with_zone
        local = self._local_micros(f"try_cast({column} AS TIMESTAMP)")
        return f"CASE WHEN regexp_matches(trim({column}), '{ZONE}') THEN {with_zone} ELSE {local} END"

    def _local_micros(self, local: str) -> str:
        """Return SQL for a local time, moved on by an hour where clocks skip it.

        Where clocks repeat an hour, an exposure takes the first reading and other rows the second, so that no outcome
        comes before its exposure for want of a zone.
        """
        if self.zone == "UTC":
            return f"epoch_us({local})"
        second = f"epoch_us({zoned_sql(self.zone, f'CASE WHEN isfinite({local}) THEN {local} END')})"
        if self.table != "exposures":
            return second
        first = f"{second} - {HOUR_US}"
        return f"CASE WHEN {local_sql(self.zone, first)} = {local} THEN {first} ELSE {second} END"

    def refusal(self, content: str) -> str:
        """Return the sentence that refuses the column."""
        return (
            f"{self.path}: {self.table}.{self.name} holds {content}, which is no time that can be read: give {READABLE}"
        )


def zoned_sql(zone: str, local: str) -> str:
    """Return SQL for the moment of a local time, or the other way round."""
    return f"timezone({text(zone)}, {local})"


def local_sql(zone: str, micros: str) -> str:
    """Return SQL for the local time of microseconds since 1970."""
    return zoned_sql(zone, f"make_timestamp({micros})::TIMESTAMPTZ")


def last_moment_sql(zone: str) -> str:
    """Return SQL for the last moment of `t`, whose midnight means a whole day."""
    if zone == "UTC":
        return f"CASE WHEN t % {DAY_US} = 0 THEN t + {DAY_US - 1} ELSE t END"
    local = local_sql(zone, "t")
    next_day = f"epoch_us({zoned_sql(zone, f'{local} + INTERVAL 1 DAY')})"
    return f"CASE WHEN {local}::TIME = TIME '00:00:00' THEN {next_day} - 1 ELSE t END"


def check_dates(db: duckdb.DuckDBPyConnection, column: TimeColumn) -> list[str]:
    """Return a note where more outcomes than by chance have a date without a time."""
    dates, total = db.execute("SELECT count(*) FILTER (last_t > t), count(*) FROM outcomes").fetchall()[0]
    if dates <= LEAST_DATES * total:
        return []
    name = f"{column.table}.{column.name}"
    return [f"{name} has dates without a time: each is taken as some time on its day ({column.zone})"]


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
        name = f"{column.table}.{column.name}"
        is_outcome = column.table == "outcomes"  # whose dates have a note of their own
        return [] if is_outcome else [f"{name} holds dates: each is taken as midnight of its day ({column.zone})"]
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
    problem = f"{column.table}.{column.name} has times without a zone: they are taken as {column.zone}"
    if column.zone == "UTC":
        return f"{problem} (give the zone of local times by --zone, as in --zone Europe/Berlin)"
    return f"{problem}; in an hour that occurs twice, exposures as its first pass and outcomes as its second"


def to_micros(time: datetime) -> int:
    """Return microseconds since 1970."""
    return round(time.timestamp() * 1_000_000)
