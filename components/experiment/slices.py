"""What the experiment did to RPM by kind of query and locale, and over time, by the estimator of the headline.

Slices are properties of the query, fixed before an arm is drawn: what an arm shows cannot move traffic between them.
Intervals by slice share one alpha (Bonferroni). Those over time are always valid as they are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from components.experiment.dense_sums import Arms
from components.experiment.intervals import RPM_SCALE, Level, LiftInterval, relative_lift
from components.experiment.row_status import DIMENSIONS
from components.experiment.user_sums import CUT, SO_FAR, UserSums

LEAST_USERS = 20  # in each arm, before anything is said of a slice
MOST_CUTS = 1000
MOST_SLICES = 12  # of a dimension, by traffic


@dataclass(frozen=True)
class Slice:
    """RPM lift of one kind of query."""

    dimension: str
    slice: str
    exposures: int
    rpm_lift: LiftInterval | None

    def to_json(self) -> dict:
        """Return the JSON object."""
        lift = self.rpm_lift.to_json() if self.rpm_lift else None
        return asdict(self) | {"rpm_lift": lift}


@dataclass(frozen=True)
class LiftBreakdown:
    """RPM lift by slice, up to each cut of time, and of each cut alone."""

    slices: tuple[Slice, ...]
    so_far: tuple[LiftInterval | None, ...]
    own: tuple[LiftInterval | None, ...]


def break_down(sums: UserSums, level: Level) -> LiftBreakdown:
    """Estimate the RPM lift by slice and over time."""
    groups = sums.largest_groups(dict.fromkeys(DIMENSIONS, MOST_SLICES) | {CUT: MOST_CUTS})
    groups[CUT].sort()
    statistics = sums.group_statistics(groups)
    own_level = Level(level.alpha / max(len(groups[CUT]), 1), level.users)
    return LiftBreakdown(
        slices=by_slice(groups, statistics, level),
        so_far=tuple(relative_lift(arms, level, RPM_SCALE) for arms in statistics[SO_FAR]),
        own=tuple(relative_lift(arms, own_level, RPM_SCALE) for arms in statistics[CUT]),
    )


def by_slice(groups: Mapping[str, list], statistics: Mapping[str, list[Arms]], level: Level) -> tuple[Slice, ...]:
    """Estimate each slice's RPM lift, with intervals that hold for all at once."""
    large_slices = []
    for dimension in DIMENSIONS:
        for value, arms in zip(groups[dimension], statistics[dimension], strict=True):
            if min(arm.users for arm in arms.values()) >= LEAST_USERS:
                large_slices.append((dimension, value or "not stated", arms))
    shared_level = Level(level.alpha / max(len(large_slices), 1), level.users)
    return tuple(
        Slice(dimension, value, count_exposures(arms), relative_lift(arms, shared_level, RPM_SCALE))
        for dimension, value, arms in large_slices
    )


def count_exposures(arms: Arms) -> int:
    """Return the exposures of all arms."""
    return int(sum(arm.sums[1] for arm in arms.values()))
