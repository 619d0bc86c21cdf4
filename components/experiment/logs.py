"""The experiment's side of S3: which experiment runs, its logs since it began, and the looks that were taken at it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import contracts, storage
from components.event_logs import SCHEMAS
from components.experiment.records import ExperimentSetup
from components.look_store import list_looks, look_name, read_newest, stage_name
from components.release_store import read_state
from components.settings import Settings
from components.step_result import Progress

HISTORY_ENTRIES = 30  # of the release's history, in the report of a look


def moment(text: str) -> datetime:
    """Parse a time with its zone, the present where the text is empty.

    Raises:
        ValueError: the text is no ISO 8601 time, or names no zone.
    """
    try:
        time = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 time: give one with its zone, as 2026-10-20T08:00:00Z") from None
    if time.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone: append Z or an offset")
    return time.astimezone(UTC)


def running_experiment(now: datetime) -> ExperimentSetup | None:
    """Return the running experiment with its looks before `now`, None where none runs.

    Looks while it is paused decide nothing but a rollback, and do not count: a pause costs no look.
    """
    state = read_state()
    if not state.experiment or not state.experiment.is_running:
        return None
    experiment = state.experiment
    history = []
    for entry in state.history[-HISTORY_ENTRIES:]:
        history.append({"time": entry.time, "what": entry.what, "reason": entry.reason, "by": entry.by})
    setup = ExperimentSetup(
        experiment_id=experiment.experiment_id,
        salt=experiment.salt,
        stages=experiment.stages,
        versions={"control": state.stable, "treatment": state.candidate},
        is_paused=experiment.is_paused,
        history=tuple(history),
    )
    looks = [look for look in list_looks(setup.experiment_id) if not look.is_paused]
    same_stage_names = {look.name for look in looks if look.stage == stage_name(setup.stages[-1])}
    same_stage_names.discard(_look_name(setup, now.isoformat()))
    page_look = read_newest(look for look in looks if look.is_interleaved) if setup.was_interleaved else {}
    return replace(setup, looks=len(same_stage_names), preference=page_look.get("preference"))


def download(setup: ExperimentSetup, now: datetime, shard: str, folder: Path) -> None:
    """Fetch a shard's log files since the experiment began, and empty ones.

    `shard` is its number and how many there are, as in 0/4: a shard is some of the parts that every hour is written in.
    """
    number, count = map(int, shard.split("/"))
    s3 = storage.client()
    bucket = Settings().s3_bucket
    names = [(kind, name) for kind, name in log_files(setup, now) if part_number(name) % count == number]
    for kind, schema in SCHEMAS.items():
        contracts.write([], schema, folder / kind / "none.parquet")
    progress = Progress(len(names), "log files")
    for kind, name in names:
        s3.fget_object(bucket, name, str(folder / kind / name.replace("/", "-")))
        progress.advance()


def log_files(setup: ExperimentSetup, now: datetime) -> list[tuple[str, str]]:
    """List kind and name of every log file since the day the experiment began."""
    day = setup.starts[0].date()
    names = []
    while day <= now.date():
        for kind in SCHEMAS:
            names += [(kind, name) for name in storage.list_names(f"logs/{kind}/date={day}")]
        day += timedelta(days=1)
    return names


def part_number(name: str) -> int:
    """Return the part that an object's name says, 0 for one written by others."""
    match = re.search(r"/part=(\d+)/", name)
    return int(match[1]) if match else 0


def store_look(look: dict, setup: ExperimentSetup) -> None:
    """Store a look's document: the same moment is the same look."""
    storage.put_json(_look_name(setup, look["now"]), look)


def _look_name(setup: ExperimentSetup, time: str) -> str:
    return look_name(setup.experiment_id, setup.stages[-1], setup.is_paused, time)
