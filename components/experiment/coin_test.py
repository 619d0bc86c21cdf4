"""The test of the coin: a draft whose teams do not stand alike voids a comparison. Clicks are no part of it.

Each user's drafts are looked at once, on the first page that has a pair, for later visits see the same coins, and
whether a user goes on may depend on them. Sums over a user's drafts have the mean zero under a fair coin whatever
makes users go on; shares and means of a user's drafts do not.
"""

from dataclasses import asdict, dataclass

from components.experiment.confidence_sequence import MeanSums, mean_interval
from components.experiment.srm import count_p_value

TESTS = 3  # that share the level
FAIR = 0.5
MAXIMUM_WRONG_SHARE = 0.001  # of the drafts whose coin is computed again


@dataclass(frozen=True)
class CoinCounts:
    """What drafts look like, by team."""

    users: int  # with a pair
    stable_first: int  # of them, by their first draft
    impressions: MeanSums  # by user, of the candidate's items over those of stable
    reciprocal_ranks: MeanSums  # the same, weighed by 1 / position
    checked_drafts: int = 0  # whose first coin was computed again
    wrong_drafts: int = 0


@dataclass(frozen=True)
class CoinTest:
    """The p-values, valid at every look, and whether the coin is in doubt."""

    users: int
    stable_first_share: float | None
    stable_first_p_value: float
    impressions_p_value: float
    reciprocal_ranks_p_value: float
    checked_drafts: int
    wrong_drafts: int
    problem: str  # '' where nothing is wrong with the coin

    def to_json(self) -> dict:
        """Return the JSON object."""
        return asdict(self)


def check_coin(coins: CoinCounts, alpha: float, tuning_users: float) -> CoinTest:
    """Test whether stable comes first, is seen and stands as high as the candidate does."""
    level = alpha / TESTS
    p_values = {
        "stable comes first": count_p_value(coins.stable_first, coins.users, FAIR) if coins.users else 1.0,
        "items are shown": _mean_p_value(coins.impressions, level, tuning_users),
        "items stand": _mean_p_value(coins.reciprocal_ranks, level, tuning_users),
    }
    share = coins.stable_first / coins.users if coins.users else None
    name = min(p_values, key=p_values.get)
    problem = ""
    if p_values[name] < level:
        problems = {
            "stable comes first": f"stable comes first for {share or 0:.1%} of the users, where a fair coin gives 50%",
            "items are shown": f"the candidate has {coins.impressions.mean:+.3f} items more than stable a user",
            "items stand": f"the candidate's items stand {_direction(coins.reciprocal_ranks)} than stable's",
        }
        problem = f"{problems[name]} (p {p_values[name]:.1g})"
    if coins.wrong_drafts > MAXIMUM_WRONG_SHARE * coins.checked_drafts:
        problem = f"{coins.wrong_drafts:,} of {coins.checked_drafts:,} drafts have another coin than their salt gives"
    return CoinTest(coins.users, share, *p_values.values(), coins.checked_drafts, coins.wrong_drafts, problem)


def _mean_p_value(sums: MeanSums, level: float, tuning_users: float) -> float:
    interval = mean_interval(sums, level, tuning_users)
    return interval.p_value if interval else 1.0


def _direction(sums: MeanSums) -> str:
    return "higher" if sums.mean > 0 else "lower"
