"""The embedded marketplace as arrays, and pairs of rankers over it whose difference is known.

Symbols: Q held-out queries, N items retrieved for each, P places of a page, C outcomes of a page's coins.
A ranker scores an item by the utility of its true label plus a fixed error. The candidate's error is stable's, damped,
plus some of its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.contracts import GAINS, LABELS
from components.experiment.interleaving import draft_every_outcome
from components.judgements.config import PrepareConfig
from components.judgements.prepare import prepare
from simulation.marketplace import write_marketplace
from simulation.shopper_behaviour import CLICK, DEFAULT_PRICE, ORDER
from simulation.shoppers import PAGE, READINESS_DEVIATION
from simulation.shopping_world import World, load

UTILITY = np.array([1.0, 0.55, 0.25, 0.0])
GAIN = np.array([GAINS[name] for name in LABELS])
CLICKED = np.array([CLICK[name] for name in LABELS])
ORDERED = np.array([ORDER[name] for name in LABELS])
SEEN = 1 / np.log2(1 + np.arange(1, PAGE + 1))
ITEMS = 2400
QUERIES = 460
SEED = 7
HELD_OUT_PERCENT = 25
READINESS_DRAWS = 200_000


@dataclass(frozen=True)
class Setting:
    """How unlike two rankers are: the spread of stable's error, how much the candidate keeps, what it adds."""

    spread: float
    keep: float
    fresh: float


SETTINGS = {"small": Setting(0.35, 0.9, 0.1), "medium": Setting(0.35, 0.7, 0.1), "unlike": Setting(0.35, 0.0, 0.28)}


@dataclass(frozen=True)
class Market:
    """Labels and prices of the items of each query, (Q, N), and how often it is searched, (Q,)."""

    labels: np.ndarray
    prices: np.ndarray
    shares: np.ndarray

    def exact_outcomes(self, order: np.ndarray) -> dict[str, float]:
        """Return a ranker's clicks and revenue a page, without noise, from its order (Q, N)."""
        labels = np.take_along_axis(self.labels, order, 1)[:, :PAGE]
        prices = np.take_along_axis(self.prices, order, 1)[:, :PAGE]
        clicks = SEEN * CLICKED[labels]
        orders = clicks * ORDER_CHANCE[labels]
        return {"clicks": float(clicks.sum(1) @ self.shares), "revenue": float((orders * prices).sum(1) @ self.shares)}

    def ndcg(self, order: np.ndarray) -> float:
        """Return a ranker's NDCG at a page, over the queries with any gain."""
        gains = np.take_along_axis(GAIN[self.labels], order, 1)[:, :PAGE]
        best = (-np.sort(-GAIN[self.labels], axis=1)[:, :PAGE] * SEEN).sum(1)
        rows = np.flatnonzero(best)
        return float(((gains * SEEN).sum(1)[rows] / best[rows]) @ self.shares[rows] / self.shares[rows].sum())


@dataclass(frozen=True)
class Pages:
    """The items and teams of every equally likely page of each query, (Q, C, P)."""

    items: np.ndarray
    teams: np.ndarray

    def exact_credit(self, market: Market) -> dict[str, float]:
        """Return the credit of a page by clicks and by revenue, without noise: positive for the candidate."""
        queries = np.arange(len(self.items))[:, None, None]
        labels = market.labels[queries, self.items]
        clicks = SEEN * CLICKED[labels] * self.teams
        revenue = clicks * ORDER_CHANCE[labels] * market.prices[queries, self.items]
        return {
            "clicks": float(clicks.sum(2).mean(1) @ market.shares),
            "revenue": float(revenue.sum(2).mean(1) @ market.shares),
        }


def mean_order_chances() -> np.ndarray:
    """Return how likely a click becomes an order, by label, over users' readiness."""
    normal = np.random.default_rng(SEED).normal(-(READINESS_DEVIATION**2) / 2, READINESS_DEVIATION, READINESS_DRAWS)
    return np.array([np.minimum(chance * np.exp(normal), 1).mean() for chance in ORDERED])


ORDER_CHANCE = mean_order_chances()


def load_world(folder: Path) -> World:
    """Generate the marketplace in `folder`, where it is not yet, and return what shoppers know of it."""
    judgements = folder / "prepared.parquet"
    if not judgements.exists():
        write_marketplace(folder, ITEMS, QUERIES, SEED)
        out = (judgements, folder / "items.parquet", folder / "quarantined.parquet")
        prepare(folder / "judgements.parquet", {}, PrepareConfig(valid_percent=HELD_OUT_PERCENT), out)
    return load(judgements, folder / "truth.parquet")


def build_market(world: World) -> Market:
    """Return a world's queries as arrays."""
    labels = []
    prices = []
    for query in world.queries:
        items = world.retrieve(query)
        labels.append([LABELS.index(query.labels.get(item, "Irrelevant")) for item in items])
        prices.append([world.prices.get(item, DEFAULT_PRICE) for item in items])
    return Market(np.array(labels), np.array(prices), world.shares)


def draw_rankers(market: Market, setting: Setting, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the orders of stable and of the candidate, (Q, N) each."""
    rng = np.random.default_rng(seed)
    stable_error = rng.normal(0, setting.spread, market.labels.shape)
    candidate_error = setting.keep * stable_error + rng.normal(0, setting.fresh, market.labels.shape)
    utility = UTILITY[market.labels]
    return np.argsort(-(utility + stable_error), axis=1), np.argsort(-(utility + candidate_error), axis=1)


def draft_pages(stable: np.ndarray, candidate: np.ndarray) -> Pages:
    """Return the drafts of two rankers' orders."""
    drafts = [draft_every_outcome(a, b, PAGE) for a, b in zip(stable.tolist(), candidate.tolist(), strict=True)]
    return Pages(np.array([items for items, _ in drafts]), np.array([teams for _, teams in drafts]))


def rank_pages(order: np.ndarray) -> Pages:
    """Return one ranker's own pages, which have no teams."""
    items = order[:, None, :PAGE]
    return Pages(items, np.zeros_like(items))
