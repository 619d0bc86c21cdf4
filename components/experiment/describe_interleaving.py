"""An interleaved comparison as its logs and a person describe it: id, from when to when."""

from datetime import datetime

from components.contracts import TEAMS
from components.experiment.aggregate import LogSource
from components.experiment.describe_experiment import (
    ExperimentQuestion,
    NameColumn,
    check_experiment,
    check_names,
    most_frequent,
    read_groups,
    to_time,
)
from components.experiment.logs import moment
from components.experiment.records import ExperimentSetup
from components.release_state import Stage

TEAM_COLUMN = NameColumn(
    name="team",
    known_names=TEAMS,
    if_empty="name the column that holds the team by --columns exposures.team=NAME",
    if_strange="say which is stable's (A), the candidate's (B) and neither's by "
    "--columns exposures.A=NAME,exposures.B=NAME,exposures.none=NAME",
)


def describe_interleaving(source: LogSource, question: ExperimentQuestion) -> tuple[ExperimentSetup, datetime]:
    """Return the comparison with one stage, and the moment of the look.

    Raises:
        ValueError: no exposure can be used; the sentence names the file, the column and the remedy.
    """
    groups = read_groups(source)
    check_experiment(source.exposures, groups, question.experiment_id)
    check_names(source.exposures, groups, TEAM_COLUMN)
    drafts = [row for row in groups if row.arm]
    experiment_id = question.experiment_id or most_frequent((row.experiment_id, row.rows) for row in drafts)
    own = [row for row in drafts if not experiment_id or row.experiment_id == experiment_id] or drafts
    start = moment(question.start) if question.start else to_time(min(row.first for row in own))
    setup = ExperimentSetup(
        experiment_id=experiment_id or "unnamed",
        salt=None,
        stages=(Stage(question.share, start.isoformat()),),
        versions={},
        is_nameless=not experiment_id,
    )
    return setup, moment(question.end) if question.end else to_time(max(row.last for row in own))
