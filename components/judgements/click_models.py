"""Click models: how attractive an item is for a query, whatever its position did to its clicks.

Symbols: N cells of a pair at a position, R pairs, P positions. A pair's attractiveness is how often it is clicked once
it is looked at. Intervals are exact ones of a Poisson count (Garwood 1936), wider by the propensities' own error.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from components.judgements.click_counts import ClickCounts

ROUNDS = 500
TOLERANCE = 1e-9  # relative change of the propensities, at which they stand
MINIMUM_RANDOMISED_CLICKS = 200  # of interleaved pages, from which alone propensities are estimated


@dataclass(frozen=True)
class Estimate:
    """What a model says of each pair, (R,) each, and how it was estimated."""

    value: np.ndarray  # attractiveness; of COEC clicks over expected clicks, 1 as usual
    low: np.ndarray
    high: np.ndarray
    exposure: np.ndarray  # impressions that were looked at, as far as the model says
    propensities: np.ndarray | None  # (P,), 1 at the first position
    note: str


def position_based(counts: ClickCounts, confidence: float = 0.95) -> Estimate:
    """Return attractiveness by the position-based model.

    It is that of Richardson et al. 2007 and Wang et al. 2018. A click needs a look, which the position decides, and
    an attractive item. Propensities come from pairs that were shown at several positions, of interleaved pages alone
    where these have enough clicks.

    Raises:
        ValueError: no pair, or too few, were shown at several positions.
    """
    randomised_clicks = int(counts.clicks[counts.is_randomised].sum())
    is_used = (
        counts.is_randomised if randomised_clicks >= MINIMUM_RANDOMISED_CLICKS else np.ones(len(counts.pair), bool)
    )
    propensities, errors = estimate_propensities(counts, is_used)
    looks = counts.impressions * propensities[counts.position - 1]
    exposure = np.bincount(counts.pair, looks, len(counts.pairs))
    clicks = np.bincount(counts.pair, counts.clicks, len(counts.pairs))
    weighted_errors = np.bincount(counts.pair, looks * errors[counts.position - 1], len(counts.pairs))
    relative_error = np.divide(weighted_errors, exposure, where=exposure > 0, out=np.zeros_like(exposure))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low, high = poisson_bounds(clicks, confidence)
    note = "interleaved pages" if is_used is counts.is_randomised else "all pages: items moved, but not at random"
    return Estimate(
        divide(clicks, exposure),
        divide(low, exposure) * np.exp(-z * relative_error),
        divide(high, exposure) * np.exp(z * relative_error),
        exposure,
        propensities,
        f"propensities of {len(propensities)} positions from {note} ({int(counts.clicks[is_used].sum()):,} clicks)",
    )


def estimate_propensities(counts: ClickCounts, is_used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each position's propensity and its relative standard error, (P,) each.

    Clicks are Poisson counts of impressions x propensity x attractiveness, whose likelihood rises at each round.

    Raises:
        ValueError: a position shares no pair with the others.
    """
    places = int(counts.position.max())
    position = counts.position[is_used] - 1
    pair = counts.pair[is_used]
    impressions = counts.impressions[is_used].astype(float)
    clicks = counts.clicks[is_used]
    check_connected(pair, position, places)
    clicks_by_place = np.bincount(position, clicks, places)
    if not clicks_by_place.all():
        raise ValueError(f"position {int(np.argmin(clicks_by_place)) + 1} has no click: use more logs, or --model coec")
    clicks_by_pair = np.bincount(pair, clicks)
    propensities = np.ones(places)
    for _ in range(ROUNDS):
        attractiveness = divide(clicks_by_pair, np.bincount(pair, impressions * propensities[position]))
        update = clicks_by_place / np.bincount(position, impressions * attractiveness[pair], places)
        update /= update[0]
        change = np.abs(update / propensities - 1).max()
        propensities = update
        if change < TOLERANCE:
            break
    errors = np.sqrt(1 / clicks_by_place + 1 / clicks_by_place[0])
    errors[0] = 0.0
    return propensities, errors


def check_connected(pair: np.ndarray, position: np.ndarray, places: int) -> None:
    """Check that all positions can be compared by the pairs that they share.

    Raises:
        ValueError: names a position that cannot.
    """
    from scipy.sparse import coo_array  # half a second, which --help need not wait
    from scipy.sparse.csgraph import connected_components

    nodes = places + int(pair.max()) + 1
    graph = coo_array((np.ones(len(pair)), (position, places + pair)), shape=(nodes, nodes))
    groups = connected_components(graph, directed=False)[1][:places]
    apart = np.flatnonzero(groups != groups[0])
    if len(apart):
        raise ValueError(
            f"position {apart[0] + 1} shares no item with position 1, so that looks and liking cannot be told apart: "
            "interleave, or show some pages in a random order, or use --model coec"
        )


def cascade(counts: ClickCounts, confidence: float = 0.95) -> Estimate:
    """Return attractiveness by the cascade model (Craswell et al. 2008).

    A user reads from the top and stops at the first click. Later clicks of a page are left out.
    """
    exposure = np.bincount(counts.pair, counts.looks, len(counts.pairs))
    clicks = np.bincount(counts.pair, counts.first_clicks, len(counts.pairs))
    low, high = poisson_bounds(clicks, confidence)
    later_clicks = int(counts.clicks.sum() - counts.first_clicks.sum())
    note = f"{later_clicks:,} clicks after a page's first are left out"
    return Estimate(divide(clicks, exposure), divide(low, exposure), divide(high, exposure), exposure, None, note)


def coec(counts: ClickCounts, confidence: float = 0.95) -> Estimate:
    """Return clicks over expected clicks.

    Expected are those of an average item at the positions where each was shown.
    """
    places = int(counts.position.max())
    rates = divide(
        np.bincount(counts.position - 1, counts.clicks, places),
        np.bincount(counts.position - 1, counts.impressions, places),
    )
    expected_clicks = np.bincount(counts.pair, counts.impressions * rates[counts.position - 1], len(counts.pairs))
    clicks = np.bincount(counts.pair, counts.clicks, len(counts.pairs))
    low, high = poisson_bounds(clicks, confidence)
    note = "each impression is credited to its own position; 1 is as usual there, which is no grade"
    return Estimate(
        divide(clicks, expected_clicks),
        divide(low, expected_clicks),
        divide(high, expected_clicks),
        expected_clicks,
        None,
        note,
    )


def poisson_bounds(clicks: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact bounds of the expected number of clicks."""
    from scipy.stats import chi2

    tail = (1 - confidence) / 2
    low = np.where(clicks > 0, chi2.ppf(tail, 2 * np.maximum(clicks, 1)) / 2, 0.0)
    return low, chi2.ppf(1 - tail, 2 * (clicks + 1)) / 2


def divide(numbers: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return numbers over totals, NaN where a total is 0."""
    return np.divide(numbers, totals, where=totals > 0, out=np.full(np.shape(totals), np.nan))


MODELS = {"position": position_based, "cascade": cascade, "coec": coec}
