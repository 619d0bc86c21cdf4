"""How much likelier users look at one place of a page than at the next, told by the coins of its pairs.

A coin shows the same item at a place or at the next one. So over both sides of the coin, a pair's clicks differ by
nothing but the place. That is a ratio for each step down the page, and from the top on a propensity for each place.
Symbols: N pages, P places, S = P - 1 steps from a place to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.experiment.interleaving import CANDIDATE, NO_PAIR, STABLE

LEAST_CLICKS = 20  # at either end of a step, before its ratio counts
MOST_PLACES = 50  # of a page, that are looked at


@dataclass(frozen=True)
class FirstPages:
    """First pages of searches as arrays, (N, P) each, zero behind a page's last place."""

    stable_ranks: np.ndarray  # from 1
    candidate_ranks: np.ndarray
    teams: np.ndarray  # STABLE, NEITHER or CANDIDATE
    pairs: np.ndarray  # NO_PAIR for an item of neither
    clicks: np.ndarray

    @property
    def places(self) -> int:
        """Return the number of places."""
        return self.clicks.shape[1]

    @property
    def is_shown(self) -> np.ndarray:
        """Return where a page has an item, (N, P)."""
        return self.stable_ranks > 0

    @property
    def begins_pair(self) -> np.ndarray:
        """Return whether a place and the next one hold a pair, (N, S)."""
        return (self.pairs[:, 1:] == self.pairs[:, :-1]) & (self.pairs[:, 1:] != NO_PAIR)

    def cut(self, places: int) -> "FirstPages":
        """Return the first places of each page."""
        return FirstPages(*(rows[:, :places] for rows in vars(self).values()))


@dataclass(frozen=True)
class StepCounts:
    """Clicks on pairs at both ends of a step, by team, (2, S): stable's first."""

    upper: np.ndarray
    lower: np.ndarray

    def __add__(self, other: "StepCounts") -> "StepCounts":
        return StepCounts(self.upper + other.upper, self.lower + other.lower)


def count_steps(pages: FirstPages) -> StepCounts:
    """Count the clicks on pairs of all pages."""
    upper, lower = clicks_on_pairs(pages)
    return StepCounts(upper.sum(1), lower.sum(1))


def clicks_on_pairs(pages: FirstPages) -> tuple[np.ndarray, np.ndarray]:
    """Return each page's clicks at both ends of each pair, by team, (2, N, S)."""
    by_team = np.stack([pages.clicks * (pages.teams == team) for team in (STABLE, CANDIDATE)])
    return by_team[:, :, :-1] * pages.begins_pair, by_team[:, :, 1:] * pages.begins_pair


def estimate_propensities(counts: StepCounts) -> np.ndarray:
    """Return propensities, 1 at the top, as far down as clicks tell, (P,)."""
    upper = counts.upper.sum(0)
    lower = counts.lower.sum(0)
    is_counted = (upper >= LEAST_CLICKS) & (lower >= LEAST_CLICKS)
    steps = len(is_counted) if is_counted.all() else int(np.argmin(is_counted))
    return to_propensities(np.log(lower[:steps]) - np.log(upper[:steps]))


def to_propensities(log_ratios: Sequence[float]) -> np.ndarray:
    """Return propensities from the logarithms of their ratios, (S,) -> (P,)."""
    return np.exp(np.concatenate([[0.0], np.cumsum(log_ratios)]))


def weigh_places(pages: FirstPages, propensities: np.ndarray) -> np.ndarray:
    """Return what a click at each place says for the candidate, (N, P).

    An item's gain is how much likelier it is looked at where the candidate ranks it than where stable does, over how
    likely it is looked at on this page, whichever way its coin falls. A page of both lists cannot show all items of
    either, so gains do not sum to zero. A page's mean is taken off: users who click at random prefer neither ranker.
    """
    sizes = pages.is_shown.sum(1, keepdims=True)
    gain = look_up(pages.candidate_ranks, sizes, propensities) - look_up(pages.stable_ranks, sizes, propensities)
    looked_at = np.where(pages.is_shown, propensities, 0.0)
    means = (propensities[:-1] + propensities[1:]) / 2
    begins_pair = pages.begins_pair
    looked_at[:, :-1] = np.where(begins_pair, means, looked_at[:, :-1])
    looked_at[:, 1:] = np.where(begins_pair, means, looked_at[:, 1:])
    mean_gain = gain.sum(1, keepdims=True) / looked_at.sum(1, keepdims=True)
    return np.where(pages.is_shown, gain / np.where(pages.is_shown, looked_at, 1.0) - mean_gain, 0.0)


def look_up(ranks: np.ndarray, sizes: np.ndarray, propensities: np.ndarray) -> np.ndarray:
    """Return each rank's propensity, zero where a page is too short for it."""
    index = np.clip(ranks - 1, 0, len(propensities) - 1)
    return np.where((ranks > 0) & (ranks <= sizes), propensities[index], 0.0)
