"""Whether a logged row is used, as SQL: its reason not to be, its stage, and its cut of time and slices."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from components.contracts import PAGE_KINDS, TEAMS
from components.experiment.assignment import ARMS
from components.experiment.log_times import to_micros
from components.experiment.records import ExperimentSetup
from components.experiment.sql import text

RAMP_GRACE = timedelta(seconds=30)  # callers may follow a share for so long after it was replaced
CUTS = 10  # points over time of an experiment under two days
DIMENSIONS = ("query_class", "locale")  # slices: properties of the query, which no arm can change


def names_sql(names: Iterable[str]) -> str:
    """Return SQL for a list of texts, in brackets."""
    return f"({', '.join(map(text, names))})"


HAS_TWO_RANKERS = f"coalesce(page_kind IN {names_sql(PAGE_KINDS)} OR team IN {names_sql(TEAMS)}, FALSE)"


def status_sql(setup: ExperimentSetup, now: datetime) -> str:
    """Return SQL for a row's exclusion reason, its stage, and whether another version answered."""
    starts = [to_micros(start) for start in setup.starts]
    stage = " + ".join(f"(t >= {start})::INT" for start in starts[1:]) or "0"
    grace = to_span(RAMP_GRACE)
    in_grace = " OR ".join(f"t BETWEEN {start} AND {start + grace}" for start in starts[1:]) or "FALSE"
    versions = setup.versions
    arm_version = (
        f"CASE assigned_arm WHEN 'control' THEN {text(versions['control'])} ELSE {text(versions['treatment'])} END"
    )
    name = text(setup.experiment_id)
    experiment = experiment_sql(setup)
    return f"""CASE WHEN {HAS_TWO_RANKERS} THEN 'interleaved page'
             WHEN {experiment} = '' OR coalesce(assigned_arm, '') = '' THEN 'no arm'
             WHEN {experiment} <> {name} THEN 'another experiment'
             WHEN assigned_arm NOT IN {names_sql(ARMS)} THEN 'unknown arm'
             {unusable_sql(setup, now)} END AS exclusion_reason,
        {stage} AS stage, {in_grace} AS in_ramp_grace,
        coalesce(version, '') <> {arm_version} AS served_by_other_version"""


def experiment_sql(setup: ExperimentSetup) -> str:
    """Return SQL for the experiment that a row belongs to, '' for none."""
    return f"coalesce(experiment_id, {text(setup.experiment_id if setup.is_nameless else '')})"


def unusable_sql(setup: ExperimentSetup, now: datetime) -> str:
    """Return SQL for the cases of rows without a user, or outside the experiment's time."""
    return f"""WHEN user_hash IS NULL THEN 'no user'
             WHEN t IS NULL THEN 'no time'
             WHEN t > {to_micros(now)} THEN 'after this look'
             WHEN t < {to_micros(setup.starts[0])} THEN 'before it began'"""


def cell_sql(setup: ExperimentSetup, now: datetime) -> str:
    """Return SQL for the cut of time and the slices, under the share in force."""
    start = to_micros(setup.starts[-1])
    span = max(to_micros(now) - start, 1)
    cuts = count_cuts(span)
    cut = f"least(greatest(t - {start}, 0) * {cuts} // {span}, {cuts - 1})::INT AS cut"
    values = [f"CASE WHEN t >= {start} THEN coalesce({name}, '') ELSE '' END AS {name}" for name in DIMENSIONS]
    return f"{cut}, {', '.join(values)}"


def count_cuts(span_us: int) -> int:
    """Count the points over time: one a day where the experiment lasts two days."""
    days = span_us // to_span(timedelta(days=1))
    return int(days) if days >= 2 else CUTS


def to_span(span: timedelta) -> int:
    """Return a span in microseconds."""
    return span // timedelta(microseconds=1)
