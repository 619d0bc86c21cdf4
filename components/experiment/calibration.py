"""Every release so far: what was promised offline, whose items users preferred, what it earned, and which agree.

`python -m components.experiment.calibration`, or `make calibration`. Offline gains come from the nights, preferences
and lifts from the last look of each kind, all as they were stored. A figure that was never taken is none.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

from minio.error import S3Error
from scipy.stats import binomtest
from urllib3.exceptions import HTTPError

from components.experiment.release_figures import FIGURES, Figure, ReleaseFigures, list_experiments, read_release
from components.release_store import read_nights, read_state


@dataclass(frozen=True)
class Agreement:
    """How often two figures of a release have the same sign, with a 95% interval."""

    first: str
    second: str
    releases: int  # with both
    same_sign: int
    both_told: int  # of them, whose intervals both exclude zero
    told_same_sign: int
    low: float
    high: float


def read_calibration() -> tuple[list[ReleaseFigures], list[Agreement]]:
    """Return every stored release, the oldest first, and which of its figures agree."""
    nights = list(read_nights().values())
    releases = [
        read_release(experiment, versions, nights) for experiment, versions in list_experiments(read_state().history)
    ]
    return releases, count_agreements(releases)


def count_agreements(releases: Sequence[ReleaseFigures]) -> list[Agreement]:
    """Count how often every two figures have the same sign, where a release has both."""
    agreements = []
    for first, second in combinations(FIGURES, 2):
        pairs = [(release.figures[first], release.figures[second]) for release in releases]
        pairs = [pair for pair in pairs if all(pair)]
        if not pairs:
            continue
        told_pairs = [pair for pair in pairs if pair[0].is_told and pair[1].is_told]
        same = sum(map(has_same_sign, pairs))
        interval = binomtest(same, len(pairs)).proportion_ci(0.95)
        bounds = (float(interval.low), float(interval.high))
        same_of_told = sum(map(has_same_sign, told_pairs))
        agreements.append(Agreement(first, second, len(pairs), same, len(told_pairs), same_of_told, *bounds))
    return agreements


def has_same_sign(pair: tuple[Figure, Figure]) -> bool:
    """Tell whether two estimates are both above or both below zero."""
    first, second = pair
    return first.estimate * second.estimate > 0


def describe_history() -> dict:
    """Return the table of the stored history as a JSON object."""
    releases, agreements = read_calibration()
    return {
        "names": FIGURES,
        "releases": [asdict(release) for release in releases],
        "agreements": [asdict(agreement) for agreement in agreements],
    }


def print_calibration(releases: Sequence[ReleaseFigures], agreements: Sequence[Agreement]) -> None:
    """Print a block a release, then a line for every two figures."""
    for release in releases:
        print(f"{release.experiment_id}: {release.candidate} against {release.stable}, {release.status}")
        for name, text in FIGURES.items():
            print(f"  {text}: {release.figures[name] or 'none'}")
    if not releases:
        print("no experiment has begun yet")
    for counts in agreements:
        share = f"{counts.same_sign} of {counts.releases} ({counts.low:.0%} to {counts.high:.0%})"
        in_told = f"{counts.told_same_sign} of {counts.both_told} where both are told"
        print(f"same sign, {FIGURES[counts.first]} and {FIGURES[counts.second]}: {share}; {in_told}")


def main(arguments: list[str]) -> int:
    """Print the table, as text or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m components.experiment.calibration", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args(arguments)
    try:
        if args.json:
            print(json.dumps(describe_history(), indent=1))
        else:
            print_calibration(*read_calibration())
    except (OSError, ValueError, S3Error, HTTPError) as error:
        print(f"the stored history cannot be read: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
