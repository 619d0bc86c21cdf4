"""How often nothing is taken for a preference, looked at after every user, where nobody prefers anything.

The same ranker twice makes no pair at all. So two more kinds: two different rankers whose names are swapped by a coin a
user, with real clicks; and shoppers who click at random on two different rankers' pages. One user in twenty comes back
fifty times to one sticky draft.
"""

import numpy as np
from scipy.stats import binomtest

from bench.interleaving.shoppers import Shoppers, difference, shop, vote
from bench.interleaving.world import SETTINGS, Market, Pages, draft_pages, draw_rankers
from components.experiment.betting import BettingProcess
from components.experiment.coin_test import CoinCounts, check_coin
from components.experiment.confidence_sequence import MeanSums, half_width, mean_interval
from components.experiment.preference_plan import PreferencePlan

STREAMS = 2_000
USERS = 4_000  # of each stream
REGULARS = 0.05
RANKER_SEED = 3
SEED = 11
PLAN = PreferencePlan(horizon_users=USERS)
LOOKS = np.arange(1, USERS + 1)
EDGES = np.array([half_width(int(users), PLAN.alpha, PLAN.tuning_users) for users in LOOKS])


def false_rates(market: Market, streams: int = STREAMS) -> dict:
    """Measure each kind of comparison."""
    medium = draw_rankers(market, SETTINGS["medium"], RANKER_SEED)
    real = Shoppers(regular_share=REGULARS)
    at_random = Shoppers(regular_share=REGULARS, click_at_random=True)
    kinds = {
        "same_ranker": (draft_pages(medium[0], medium[0]), real, False),
        "names_swapped": (draft_pages(*medium), real, True),
    }
    for name in ("small", "unlike"):
        pages = draft_pages(*draw_rankers(market, SETTINGS[name], RANKER_SEED))
        kinds[f"random_clicks_{name}"] = (pages, at_random, False)
    figures = {"streams": streams, "stream_users": USERS, "regulars_percent": 100 * REGULARS}
    for number, (name, (pages, shoppers, is_swapped)) in enumerate(kinds.items()):
        rng = np.random.default_rng([SEED, number])
        figures[name] = measure_kind(market, pages, shoppers, is_swapped, (streams, rng))
    figures["aa_false_rate"] = max(figures[name]["vote"] for name in ("same_ranker", "names_swapped"))
    figures["aa_false_rate_random_clicks"] = max(
        figures[f"random_clicks_{name}"]["vote"] for name in ("small", "unlike")
    )
    return figures


def measure_kind(market: Market, pages: Pages, shoppers: Shoppers, is_swapped: bool, run: tuple) -> dict:
    """Return the share of streams in which each test ever rejects."""
    streams, rng = run
    rejections = dict.fromkeys(("vote", "sum", "betting", "coin"), 0)
    naive = 0
    for _ in range(streams):
        sums = shop(market, pages, USERS, shoppers, rng)
        signs = rng.choice([-1, 1], USERS) if is_swapped else np.ones(USERS, int)
        votes = signs * vote(sums)
        first_look = find_first_look(sums["pairs"])
        rejections["vote"] += ever_excludes_zero(votes, first_look)
        rejections["sum"] += ever_excludes_zero(signs * difference(sums), first_look)
        rejections["betting"] += has_won(votes)
        rejections["coin"] += doubt_coin(signs * sums["reciprocal"])
        naive += ever_excludes_zero(votes, first_look, 1.96 / np.sqrt(LOOKS))
    figures = {name: round(count / streams, 4) for name, count in rejections.items()}
    interval = binomtest(rejections["vote"], streams).proportion_ci(0.95)
    figures |= {"vote_low": round(float(interval.low), 4), "vote_high": round(float(interval.high), 4)}
    return figures | {"plain_interval": round(naive / streams, 4)}


def find_first_look(pairs: np.ndarray) -> int:
    """Return the number of users before the first look: so many that enough have seen a pair."""
    seen = np.flatnonzero((pairs > 0).cumsum() >= PLAN.minimum_users_with_pair)
    return int(seen[0]) if len(seen) else len(pairs)


def ever_excludes_zero(x: np.ndarray, first_look: int, edges: np.ndarray = EDGES) -> bool:
    """Tell whether any look from `first_look` on excludes zero, as `mean_interval` would."""
    means = x.cumsum() / LOOKS
    spread = np.maximum((x * x).cumsum() / LOOKS - means**2, 0) * LOOKS / np.maximum(LOOKS - 1, 1)
    variances = np.maximum(spread, np.maximum.accumulate(np.abs(x)) ** 2 / LOOKS)
    excludes = np.abs(means) > edges * np.sqrt(variances)
    if edges is EDGES:
        check_last_look(x, bool(excludes[-1]))
    return bool(excludes[first_look:].any())


def check_last_look(x: np.ndarray, excludes: bool) -> None:
    """Check the arrays against the product's own interval.

    Raises:
        ArithmeticError: they differ.
    """
    interval = mean_interval(MeanSums.from_numbers(x), PLAN.alpha, PLAN.tuning_users)
    if excludes != bool(interval and interval.excludes_zero):
        raise ArithmeticError(f"the measurement's interval is not the product's: {interval}")


def has_won(votes: np.ndarray) -> bool:
    """Tell whether the bets ever reject zero."""
    bets = BettingProcess(PLAN.alpha, PLAN.tuning_users)
    bets.add(votes)
    return bets.rejects_zero


def doubt_coin(reciprocal: np.ndarray) -> bool:
    """Tell whether the coin is in doubt at the last look, by how high teams stand."""
    even = MeanSums(USERS, 0.0, 1.0, 1.0)
    coins = CoinCounts(USERS, USERS // 2, even, MeanSums.from_numbers(reciprocal))
    return bool(check_coin(coins, PLAN.coin_alpha, PLAN.tuning_users).problem)
