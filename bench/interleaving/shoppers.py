"""What many users do on many pages at once, by the tables and the position discount of the simulated shoppers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.interleaving.world import CLICKED, ORDERED, SEEN, Market, Pages
from simulation.shoppers import READINESS_DEVIATION

CHUNK_USERS = 20_000
RANDOM_CLICK = 0.2  # of an item once looked at, whatever it is
RANDOM_ORDER = 0.15


@dataclass(frozen=True)
class Shoppers:
    """How users come: `requests` searches each. Regulars come back to the page of their first search so often."""

    requests: int = 3
    regular_share: float = 0.0
    regular_visits: int = 50
    click_at_random: bool = False


def shop(market: Market, pages: Pages, users: int, shoppers: Shoppers, rng) -> Mapping[str, np.ndarray]:
    """Return users' clicks, orders and revenue, in all and by team, (U,) each."""
    parts = []
    for start in range(0, users, CHUNK_USERS):
        parts.append(_shop(market, pages, min(CHUNK_USERS, users - start), shoppers, rng))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _shop(market: Market, pages: Pages, users: int, shoppers: Shoppers, rng) -> dict[str, np.ndarray]:
    """Return the sums of one chunk of users."""
    query, outcome = draw_drafts(market, pages, users, shoppers.requests, rng)
    normal = rng.normal(-(READINESS_DEVIATION**2) / 2, READINESS_DEVIATION, users)
    labels = market.labels[query[..., None], pages.items[query, outcome]]
    prices = market.prices[query[..., None], pages.items[query, outcome]]
    teams = pages.teams[query, outcome]
    visits = np.ones((users, shoppers.requests, 1), int)
    regulars = np.flatnonzero(rng.random(users) < shoppers.regular_share)
    visits[regulars, 0] = shoppers.regular_visits
    click_chance = SEEN * (np.full(labels.shape, RANDOM_CLICK) if shoppers.click_at_random else CLICKED[labels])
    order_chance = np.full(labels.shape, RANDOM_ORDER) if shoppers.click_at_random else ORDERED[labels]
    clicks = rng.binomial(visits, click_chance)
    orders = rng.binomial(clicks, np.minimum(order_chance * np.exp(normal)[:, None, None], 1))
    revenue = orders * np.round(100 * prices)
    sums = {"reciprocal": (teams / np.arange(1, teams.shape[2] + 1)).sum((1, 2)), "pairs": (teams != 0).sum((1, 2))}
    for name, values in (("clicks", clicks), ("orders", orders), ("revenue", revenue)):
        sums[name] = values.sum((1, 2))
        sums[f"{name}_stable"] = (values * (teams < 0)).sum((1, 2))
        sums[f"{name}_candidate"] = (values * (teams > 0)).sum((1, 2))
    return sums


def draw_drafts(market: Market, pages: Pages, users: int, requests: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return the query and the outcome of the coins of each search, (U, R): a user's draft of a query is sticky."""
    query = rng.choice(len(market.shares), size=(users, requests), p=market.shares)
    outcome = rng.integers(pages.items.shape[1], size=(users, requests))
    for later in range(1, requests):
        for earlier in range(later):
            is_same = query[:, later] == query[:, earlier]
            outcome[:, later] = np.where(is_same, outcome[:, earlier], outcome[:, later])
    return query, outcome


def vote(sums: Mapping[str, np.ndarray], name: str = "clicks") -> np.ndarray:
    """Return each user's vote by an outcome, (U,)."""
    return np.sign(sums[f"{name}_candidate"] - sums[f"{name}_stable"])


def difference(sums: Mapping[str, np.ndarray], name: str = "clicks") -> np.ndarray:
    """Return each user's outcomes on the candidate's items minus those on stable's, (U,)."""
    return sums[f"{name}_candidate"] - sums[f"{name}_stable"]
