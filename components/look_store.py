"""The looks at an experiment on S3: where each lies, and which is the newest.

A look is `experiment/ID/looks/STAGE/TIME.json`. The stage is `interleaved` or a share as in `25-percent`, with
`-paused` behind it while a person has paused the experiment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from components import storage
from components.release_state import Stage

INTERLEAVED = "interleaved"  # in place of a share
DARK = "0-percent"
PAUSED = "-paused"


@dataclass(frozen=True)
class StoredLook:
    """One look: its object, the stage that it was taken in, and its time."""

    name: str
    stage: str  # interleaved, or a share as 25-percent
    is_paused: bool
    time_text: str  # as in the name: these texts sort as the times do

    @classmethod
    def from_name(cls, name: str) -> "StoredLook":
        """Parse an object's name."""
        _, stage, file_name = name.rsplit("/", 2)
        return cls(name, stage.removesuffix(PAUSED), stage.endswith(PAUSED), file_name.removesuffix(".json"))

    @property
    def is_interleaved(self) -> bool:
        """Tell whether pages were interleaved."""
        return self.stage == INTERLEAVED

    @property
    def is_of_arms(self) -> bool:
        """Tell whether some users were in treatment."""
        return self.stage not in (INTERLEAVED, DARK)

    @property
    def time(self) -> datetime:
        """Return when it was taken."""
        return datetime.fromisoformat(self.time_text)


def stage_name(stage: Stage) -> str:
    """Return the folder of looks that are taken in a stage."""
    return INTERLEAVED if stage.interleaved_share else f"{round(100 * stage.share)}-percent"


def look_name(experiment_id: str, stage: Stage, is_paused: bool, time: str) -> str:
    """Return the object of a look at an ISO 8601 time."""
    folder = f"{looks_folder(experiment_id)}/{stage_name(stage)}{PAUSED if is_paused else ''}"
    return f"{folder}/{time.replace(':', '')}.json"


def looks_folder(experiment_id: str) -> str:
    """Return the prefix of an experiment's looks."""
    return f"experiment/{experiment_id}/looks"


def list_looks(experiment_id: str) -> list[StoredLook]:
    """List an experiment's looks, the oldest first."""
    looks = [StoredLook.from_name(name) for name in storage.list_names(looks_folder(experiment_id))]
    return sorted(looks, key=lambda look: look.time_text)


def read_newest(looks: Iterable[StoredLook]) -> dict:
    """Return the document of the last of some looks, {} where there is none."""
    names = [look.name for look in looks]
    return (storage.get_json(names[-1]) or {}) if names else {}
