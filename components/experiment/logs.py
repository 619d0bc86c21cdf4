"""The experiment's side of S3: which experiment runs, its logs since it began, and the looks that were taken at it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import contracts, storage
from components.logs import SCHEMAS
from components.settings import Settings

STATE = "release/state.json"


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
    """The running experiment with its arms' versions and the looks at it but the one at `now`; {} where none runs."""
    state = storage.get_json(STATE) or {}
    experiment = state.get("experiment")
    if not experiment or experiment["status"] != "running":
        return {}
    looks = set(storage.names_below(_looks(experiment))) - {_look(experiment, now.isoformat())}
    return experiment | {"versions": {"control": state["stable"], "treatment": state["candidate"]}, "looks": len(looks)}


def download(experiment: dict, now: datetime, folder: Path) -> None:
    """Fetch the log files from the day the experiment began to `now`, and one empty file of each kind."""
    day, s3, bucket = moment(experiment["stages"][0]["started"]).date(), storage.client(), Settings().s3_bucket
    for kind, schema in SCHEMAS.items():
        contracts.write([], schema, folder / kind / "none.parquet")
    while day <= now.date():
        for kind in SCHEMAS:
            for name in storage.names_below(f"logs/{kind}/date={day}"):
                s3.fget_object(bucket, name, str(folder / kind / name.replace("/", "-")))
        day += timedelta(days=1)


def store_look(verdict: dict) -> None:
    """Keep what was seen at this look, under the share in force; the same moment is the same look."""
    if verdict["experiment_id"]:
        storage.put_json(_look(verdict, verdict["now"]), verdict)


def _looks(experiment: dict) -> str:
    share = experiment["stages"][-1]["share"]
    return f"experiment/{experiment['experiment_id']}/looks/{round(100 * share)}-percent"


def _look(experiment: dict, time: str) -> str:
    return f"{_looks(experiment)}/{time.replace(':', '')}.json"
