"""The experiment's side of S3: which experiment runs, its logs since it began, and the looks that were taken at it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import contracts, storage
from components.event_logs import SCHEMAS
from components.release_store import read_state
from components.settings import Settings
from components.step_result import Progress

HISTORY_ENTRIES = 30  # of the release, in the report of a look


def moment(text: str) -> datetime:
    """A time with its zone; an empty text is the present.

    Raises:
        ValueError: the text is no ISO 8601 time, or names no zone.
    """
    time = datetime.fromisoformat(text) if text else datetime.now(UTC)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone: append Z or an offset")
    return time.astimezone(UTC)


def running_experiment(now: datetime) -> dict:
    """The running experiment with its arms' versions and the looks at it but the one at `now`; {} where none runs.

    Looks while it is paused decide nothing but a rollback, and do not count: a pause costs no look.
    """
    state = read_state()
    if not state.experiment or not state.experiment.is_running:
        return {}
    experiment = state.experiment.to_json()
    looks = set(storage.list_names(_looks(experiment | {"paused": False}))) - {_look(experiment, now.isoformat())}
    history = [
        {"time": entry.time, "what": entry.what, "reason": entry.reason, "by": entry.by}
        for entry in state.history[-HISTORY_ENTRIES:]
    ]
    versions = {"control": state.stable, "treatment": state.candidate}
    return experiment | {"versions": versions, "looks": len(looks), "history": history}


def download(experiment: dict, now: datetime, shard: str, folder: Path) -> None:
    """Fetch a shard's log files from the day the experiment began to `now`, and one empty file of each kind.

    `shard` is its number and how many there are, as in 0/4: a shard is some of the parts that every hour is written in.
    """
    number, count = map(int, shard.split("/"))
    day, s3, bucket = moment(experiment["stages"][0]["started"]).date(), storage.client(), Settings().s3_bucket
    wanted = []
    while day <= now.date():
        wanted += [(kind, name) for kind in SCHEMAS for name in storage.list_names(f"logs/{kind}/date={day}")]
        day += timedelta(days=1)
    for kind, schema in SCHEMAS.items():
        contracts.write([], schema, folder / kind / "none.parquet")
    wanted = [(kind, name) for kind, name in wanted if part_of(name) % count == number]
    progress = Progress(len(wanted), "log files")
    for kind, name in wanted:
        s3.fget_object(bucket, name, str(folder / kind / name.replace("/", "-")))
        progress.advance()


def part_of(name: str) -> int:
    """The part that an object's name says; 0 for one written by others."""
    found = re.search(r"/part=(\d+)/", name)
    return int(found[1]) if found else 0


def store_look(verdict: dict) -> None:
    """Keep what was seen at this look, under the share in force; the same moment is the same look."""
    if verdict["experiment_id"]:
        storage.put_json(_look(verdict, verdict["now"]), verdict)


def _looks(experiment: dict) -> str:
    share, paused = round(100 * experiment["stages"][-1]["share"]), "-paused" if experiment.get("paused") else ""
    return f"experiment/{experiment['experiment_id']}/looks/{share}-percent{paused}"


def _look(experiment: dict, time: str) -> str:
    return f"{_looks(experiment)}/{time.replace(':', '')}.json"
