"""The second opinion where nobody prefers anything, and where the truth is known: by the product's own code.

Shoppers click at random on two different rankers' pages; one in twenty comes back fifty times to one sticky draft.
"""

import numpy as np

from bench.interleaving.shoppers import RANDOM_CLICK, Shoppers, draw_drafts
from bench.interleaving.streams import PLAN, REGULARS, USERS
from bench.interleaving.world import CLICKED, SEEN, SETTINGS, Market, Pages, draft_pages, draw_rankers
from components.experiment.confidence_sequence import MeanSums, mean_interval
from components.experiment.interleaving import NO_PAIR
from components.experiment.propensities import (
    FirstPages,
    clicks_on_pairs,
    count_steps,
    estimate_propensities,
    weigh_places,
)
from components.experiment.second_opinion import judge_weighed_clicks
from components.experiment.weighed_clicks import WeighedClicks, check_steps, sum_slopes, weigh_influence
from simulation.shoppers import PAGE

STREAMS = 100
RANKER_SEED = 3
SEED = 17
BELIEVED = 1 / np.arange(1, PAGE + 1)  # a wrong position bias that somebody believes in


def second_opinion_rates(market: Market, streams: int = STREAMS) -> dict:
    """Return how often random clicks look like a preference, with told and with wrong propensities."""
    figures = {"weighed_streams": streams}
    for number, name in enumerate(("small", "unlike")):
        orders = draw_rankers(market, SETTINGS[name], RANKER_SEED)
        pages = draft_pages(*orders)
        rng = np.random.default_rng([SEED, number])
        counts = dict.fromkeys(("told", "believed", "plain", "believed_caught"), 0)
        for _ in range(streams):
            visits, users = click_at_random(market, pages, orders, rng)
            for key, is_wrong in count_errors(visits, users).items():
                counts[key] += is_wrong
        figures[f"weighed_{name}"] = {key: round(count / streams, 4) for key, count in counts.items()}
    return figures


def click_at_random(market: Market, pages: Pages, orders: tuple, rng) -> tuple[FirstPages, np.ndarray]:
    """Return the pages that a stream's users saw, with their clicks, and each page's user."""
    shoppers = Shoppers(regular_share=REGULARS)
    query, outcome = draw_drafts(market, pages, USERS, shoppers.requests, rng)
    visits = np.ones((USERS, shoppers.requests), int)
    visits[np.flatnonzero(rng.random(USERS) < shoppers.regular_share), 0] = shoppers.regular_visits
    whole = to_first_pages(pages, orders)
    place = np.ravel_multi_index((query.ravel(), outcome.ravel()), pages.items.shape[:2])
    clicks = rng.binomial(visits.reshape(-1, 1), SEEN * RANDOM_CLICK, (place.size, PAGE))
    columns = {name: rows[place] for name, rows in vars(whole).items()} | {"clicks": clicks}
    return FirstPages(**columns), np.repeat(np.arange(USERS), shoppers.requests)


def to_first_pages(pages: Pages, orders: tuple) -> FirstPages:
    """Return every page of every query with ranks and pairs, one after the other."""
    queries = np.arange(len(pages.items))[:, None, None]
    ranks = [(np.argsort(order, axis=1)[queries, pages.items] + 1).reshape(-1, PAGE) for order in orders]
    teams = pages.teams.reshape(-1, PAGE)
    pairs = np.where(teams != 0, ((teams != 0).cumsum(1) - 1) // 2, NO_PAIR)
    return FirstPages(*ranks, teams, pairs, np.zeros(teams.shape))


def count_errors(visits: FirstPages, users: np.ndarray) -> dict[str, bool]:
    """Return whether each way of weighing takes random clicks for a preference, and whether its check objects."""
    told = judge(visits, users, None)
    believed = judge(visits, users, BELIEVED)
    unchecked = sum_users((visits.clicks * weigh_places(visits, BELIEVED)).sum(1), users)
    plain = sum_users((visits.clicks * weigh_plainly(visits)).sum(1), users)
    return {
        "told": bool(told.interval and told.interval.excludes_zero),
        "believed": excludes_zero(unchecked),
        "plain": excludes_zero(plain),
        "believed_caught": believed.problem != "",
    }


def judge(visits: FirstPages, users: np.ndarray, given: np.ndarray | None):
    """Return the product's second opinion, with propensities told by the coins where none are given."""
    counts = count_steps(visits)
    propensities = estimate_propensities(counts) if given is None else given
    cut = visits.cut(len(propensities))
    counts = count_steps(cut)
    clicks = clicks_on_pairs(cut)
    numbers = (cut.clicks * weigh_places(cut, propensities)).sum(1)
    if given is None:
        numbers = numbers + weigh_influence(clicks, counts, sum_slopes(cut, propensities))
    checks = check_steps(clicks, propensities, counts, is_estimated=given is None)
    sums = [sum_users(x, users) for x in (*checks.T, checks.sum(1))]
    weighed = WeighedClicks(
        len(users), tuple(propensities.tolist()), given is None, sum_users(numbers, users), tuple(sums)
    )
    return judge_weighed_clicks(weighed, PLAN, has_enough_users=True)


def weigh_plainly(visits: FirstPages) -> np.ndarray:
    """Return weights of the true propensities without taking a page's mean off."""
    weights = weigh_places(visits, SEEN)
    ranks = np.clip([visits.stable_ranks, visits.candidate_ranks], 1, PAGE + 1)
    gains = np.append(SEEN, 0.0)[ranks - 1]
    return weights + (gains[1] - gains[0]).sum(1, keepdims=True) / SEEN.sum()


def sum_users(numbers: np.ndarray, users: np.ndarray) -> MeanSums:
    """Return the sums of users' numbers from those of their pages."""
    return MeanSums.from_numbers(np.bincount(users, numbers, USERS))


def excludes_zero(sums: MeanSums) -> bool:
    """Tell whether the always-valid interval of a mean excludes zero."""
    interval = mean_interval(sums, PLAN.alpha, PLAN.tuning_users)
    return bool(interval and interval.excludes_zero)


def exact_weighed_credit(market: Market, pages: Pages, orders: tuple) -> float:
    """Return a page's weighed clicks without noise, by the true propensities: positive for the candidate."""
    first_pages = to_first_pages(pages, orders)
    queries = np.arange(len(pages.items))[:, None, None]
    clicks = SEEN * CLICKED[market.labels[queries, pages.items]]
    weights = weigh_places(first_pages, SEEN).reshape(clicks.shape)
    return float((weights * clicks).sum(2).mean(1) @ market.shares)
