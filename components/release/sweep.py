"""Remove what old nights left on S3: `python -m components.release.sweep --nights 14`, or `make sweep`.

A night is old when so many newer ones have ended. What serves, is tried or waits stays, with the teachers that its
lineage names; what a newer night used stays, too.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from components import storage
from components.blobs import PREFIX as BLOBS
from components.release.old_objects import Removal, artifact_objects, old_groups, remove_objects
from components.release_store import COMPARISONS, read_nights, read_state
from components.settings import Settings
from components.step_result import StepResult

STORE_DIGITS = 16  # of a teacher's digest, in the names of its completions
GROUPS = {  # prefix: how many parts of a name stand for one thing
    BLOBS: 2,
    "packages": 2,
    "packages-expected": 2,
    "rationales": 2,
    COMPARISONS: 2,
    "checkpoints": 3,  # of trainings that never ended
    "trainjobs": 3,
}


@dataclass(frozen=True)
class KeptNames:
    """What no sweep removes."""

    versions: set[str]
    teachers: set[str]  # digests
    blobs: set[str]

    def names(self) -> set[str]:
        """Return the groups of objects that stay."""
        return (
            {f"{BLOBS}/{digest}" for digest in self.blobs}
            | {f"packages/{version}" for version in self.versions}
            | {f"packages-expected/{version}.json" for version in self.versions}
            | {f"rationales/{digest[:STORE_DIGITS]}" for digest in self.teachers}
        )


@dataclass
class Sweep:
    """What a sweep did."""

    kept_nights: int
    swept_nights: int = 0
    removals: dict[str, Removal] = field(default_factory=dict)  # by the first part of the names
    unreachable: list[str] = field(default_factory=list)  # artifacts that our keys do not reach

    @property
    def bytes(self) -> int:
        """Return the bytes that were removed."""
        return sum(removal.bytes for removal in self.removals.values())

    @property
    def headline(self) -> str:
        """Return one line for a person."""
        line = f"{self.swept_nights} nights swept, {self.bytes / 1e6:,.0f} MB; {self.kept_nights} kept"
        return f"{line}; not reached: {', '.join(self.unreachable)}" if self.unreachable else line

    def to_step_result(self) -> StepResult:
        """Return nights in, kept and swept, with objects and bytes by kind."""
        details = {"removed": {name: vars(removal) for name, removal in self.removals.items()}}
        details |= {"removed_bytes": self.bytes, "unreachable": self.unreachable}
        return StepResult(
            self.kept_nights + self.swept_nights, self.kept_nights, self.swept_nights, self.headline, details
        )


def sweep_nights(keep: int) -> Sweep:
    """Remove what all but the newest `keep` nights left.

    A sweep that was killed is finished by the next one.

    Raises:
        RuntimeError: S3 does not remove an object.
    """
    nights = read_nights()
    old_nights = dict(list(nights.items())[:-keep])
    sweep = Sweep(len(nights) - len(old_nights))
    if not old_nights:
        return sweep
    names_in_use = find_kept(nights, [night for name, night in nights.items() if name not in old_nights])
    end = max(night["time"] for night in old_nights.values())
    for prefix, parts in GROUPS.items():
        names = old_groups(prefix, parts, end, names_in_use.names())
        sweep.removals[prefix] = remove_objects(Settings().s3_bucket, names)
    for name, night in old_nights.items():
        if not night.get("is_swept"):
            remove_artifacts(night, sweep)
            storage.put_json(name, night | {"is_swept": True})
            sweep.swept_nights += 1
    return sweep


def find_kept(nights: dict[str, dict], kept_nights: Sequence[dict]) -> KeptNames:
    """Return what serves, is tried or waits, with its lineage, and what newer nights used."""
    state = read_state()
    versions = {version for version in (state.stable, state.candidate, state.next_candidate) if version}
    versions |= {night["version"] for night in kept_nights}
    teachers = {digest for night in kept_nights for digest in night.get("models", {})}
    for version in versions:
        teachers |= set((storage.get_json(f"packages/{version}/lineage.json") or {}).get("teachers", ()))
    blobs = set()
    for night in nights.values():
        for digest, changes in night.get("models", {}).items():
            blobs |= set(changes) if digest in teachers else set()
    return KeptNames(versions, teachers, blobs)


def remove_artifacts(night: dict, sweep: Sweep) -> None:
    """Remove what a night's steps left in Kubeflow's store, where our keys reach it."""
    root = night.get("artifacts", "")
    if not root:
        return
    bucket, objects = artifact_objects(root)
    if objects is None:
        sweep.unreachable.append(root)
        return
    removal = sweep.removals.setdefault("artifacts", Removal())
    sweep.removals["artifacts"] = removal + remove_objects(bucket, objects)


def main(arguments: Sequence[str]) -> int:
    """Sweep from the command line."""
    parser = argparse.ArgumentParser(prog="python -m components.release.sweep", description=__doc__)
    parser.add_argument("--nights", type=int, help="so many newest ones stay whole (default BROADFAST_KEEP_NIGHTS)")
    nights = parser.parse_args(arguments).nights
    if nights is not None and nights < 1:
        print(f"--nights is {nights}: give at least 1, the night that serves", file=sys.stderr)
        return 2
    try:
        keep = nights or Settings().keep_nights
        sweep = sweep_nights(keep)
    except (OSError, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for name, removal in sweep.removals.items():
        if removal.objects:
            print(f"{name}: {removal.objects} objects, {removal.bytes / 1e6:,.1f} MB")
    print(sweep.headline)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
