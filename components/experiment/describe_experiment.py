"""An experiment as its logs and a person describe it: id, versions, shares, from when to when."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from components.experiment.aggregate import LogSource
from components.experiment.assignment import ARMS
from components.experiment.log_views import create_view
from components.experiment.logs import moment
from components.experiment.records import ExperimentSetup
from components.experiment.row_status import HAS_TWO_RANKERS
from components.release_state import Stage

LEAST_KNOWN_NAMES = 0.5  # of the rows that name an arm or a team, below which the names have to be given
NAMED_EXPERIMENTS = 10  # in a sentence, the most shown first


@dataclass(frozen=True)
class NameColumn:
    """A column whose values the analysis knows, and what to give where it has others."""

    name: str
    known_names: Collection[str]
    if_empty: str
    if_strange: str


ARM_COLUMN = NameColumn(
    name="assigned_arm",
    known_names=ARMS,
    if_empty="name the column that holds the arm by --columns exposures.assigned_arm=NAME",
    if_strange="say which is which by --columns exposures.control=NAME,exposures.treatment=NAME",
)


@dataclass(frozen=True)
class ExperimentQuestion:
    """What a person states of an experiment. What is empty is taken from the logs."""

    experiment_id: str = ""  # the one seen most
    salt: str | None = None
    share: float = 0.5
    start: str = ""  # the first exposure
    end: str = ""  # the last exposure
    versions: Mapping[str, str] = field(default_factory=dict)  # by arm: the ones seen most


def describe_experiment(source: LogSource, question: ExperimentQuestion) -> tuple[ExperimentSetup, datetime]:
    """Return the experiment as the platform's state has it, and the moment of the look."""
    groups = read_groups(source)
    check_experiment(source.exposures, groups, question.experiment_id)
    check_names(source.exposures, groups, ARM_COLUMN)
    experiment_id = question.experiment_id or most_frequent((row.experiment_id, row.rows) for row in groups)
    own = [row for row in groups if not experiment_id or row.experiment_id == experiment_id]
    versions = {}
    for arm in ARMS:
        counts = [(row.version, row.rows) for row in own if row.arm == arm]
        versions[arm] = question.versions.get(arm) or most_frequent(counts)
    first = to_time(min(row.first for row in groups))
    last = to_time(max(row.last for row in groups))
    start = moment(question.start) if question.start else first
    stages = [Stage(question.share, start.isoformat())]
    if start > first:
        stages.insert(0, Stage(0.0, first.isoformat()))
    setup = ExperimentSetup(
        experiment_id=experiment_id or "unnamed",
        salt=question.salt,
        stages=tuple(stages),
        versions=versions,
        is_nameless=not experiment_id,
    )
    return setup, moment(question.end) if question.end else last


@dataclass(frozen=True)
class ExposureGroup:
    """Exposures of one experiment, arm (or team) and version, with times in microseconds since 1970."""

    experiment_id: str | None
    arm: str | None
    version: str | None
    rows: int
    first: int
    last: int


def read_groups(source: LogSource) -> list[ExposureGroup]:
    """Count exposures by experiment, arm or team, and version, with their first and last time.

    Pages of the other kind, interleaved or not, are left out.

    Raises:
        ValueError: there is no exposure, none has a time, or none is of this kind.
    """
    is_interleaved = source.rules.is_interleaved
    columns = "team, NULL::VARCHAR AS version" if is_interleaved else "assigned_arm, version"
    condition = "TRUE" if is_interleaved else f"NOT {HAS_TWO_RANKERS}"
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        create_view(db, "exposures", source.exposures, source.columns.get("exposures", {}), source.rules)
        rows = db.execute(
            f"""SELECT experiment_id, {columns}, count(*), min(t), max(t) FROM exposures
               WHERE t IS NOT NULL AND {condition} GROUP BY ALL"""
        ).fetchall()
        total, count_with_time = db.execute("SELECT count(*), count(t) FROM exposures").fetchall()[0]
    if not total:
        raise ValueError(f"{source.exposures} holds no exposure row: give the folder whose Parquet files hold them")
    if not count_with_time:
        raise ValueError(f"{source.exposures}: none of its {total:,} exposures has a time")
    if not rows:
        raise ValueError(f"{source.exposures}: all {total:,} exposures are of interleaved pages: add --interleaved")
    return [ExposureGroup(*row) for row in rows]


def check_experiment(path: Path, groups: list[ExposureGroup], experiment_id: str) -> None:
    """Check that some exposures are of the experiment that a person names.

    Raises:
        ValueError: none is; the sentence lists the experiments of the logs.
    """
    counts = Counter()
    for row in groups:
        counts[row.experiment_id or ""] += row.rows
    if not experiment_id or experiment_id in counts:
        return
    total = f"{counts.total():,}"
    problem = f"{path}: {total} of {total} exposures are set aside, for they are not of --experiment {experiment_id}"
    names = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(NAMED_EXPERIMENTS) if name)
    raise ValueError(f"{problem}: " + (f"the logs hold {names}" if names else "they name none, so leave it out"))


def check_names(path: Path, groups: list[ExposureGroup], column: NameColumn) -> None:
    """Check that a column is not empty, and that most of its values are known.

    Raises:
        ValueError: they are not, with the column's remedy.
    """
    counts = Counter()
    for row in groups:
        if row.arm:
            counts[row.arm] += row.rows
    if not counts:
        total = f"{sum(row.rows for row in groups):,}"
        raise ValueError(
            f"{path}: {total} of {total} exposures are set aside, for {column.name} is empty: {column.if_empty}"
        )
    strange = sorted(name for name in counts if name not in column.known_names)
    if sum(counts[name] for name in column.known_names) < LEAST_KNOWN_NAMES * sum(counts.values()):
        raise ValueError(f"{path}: {column.name} holds {', '.join(strange[:5])}; {column.if_strange}")


def check_use(exposures: int, used: int, set_aside: Mapping[str, int]) -> None:
    """Check that some exposure is used.

    Raises:
        ValueError: none is; the sentence counts the reasons.
    """
    if not used:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in set_aside.items())
        total = f"{exposures:,}"
        raise ValueError(f"{total} of {total} exposures are set aside ({reasons}): check the logs, --start and --end")


def most_frequent(counts: Iterable[tuple[str | None, int]]) -> str:
    """Return the value with the largest total count, '' where there is none."""
    total = Counter()
    for value, count in counts:
        if value is not None:
            total[value] += count
    return min(total, key=lambda value: (-total[value], value), default="")


def to_time(micros: int) -> datetime:
    """Return microseconds since 1970 as a time."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
