"""How many users a preference needs, and an A/B test of the same rankers on revenue or clicks: same shoppers and looks.

Users for 80% power, two-sided 5%, at 20 looks that are always valid. Only pairs of rankers whose candidate is truly
better in clicks and revenue are asked: otherwise the question has no answer.
"""

from dataclasses import dataclass

import numpy as np

from bench.interleaving.shoppers import Shoppers, difference, shop, vote
from bench.interleaving.world import SETTINGS, Market, Pages, draft_pages, draw_rankers, rank_pages
from components.experiment.confidence_sequence import half_width
from components.experiment.intervals import MINOR_UNITS
from components.experiment.plan import TUNING_SHARE, ExperimentPlan
from components.experiment.power import Sequence
from simulation.shoppers import PAGE

POWER = 0.8
LOOKS = 20
ALPHA = 0.05
SEEDS = range(24)
USERS = 100_000  # of each pool
LEAST_LIFT = 0.002  # of clicks and of revenue, that makes a candidate better
CHECKS = 1_000  # experiments whose power is counted
SHOPPERS = Shoppers()
SEQUENCE = Sequence(LOOKS, ALPHA)
CAP = ExperimentPlan().revenue_cap_quantile


@dataclass(frozen=True)
class Needs:
    """What one pair of rankers needs, and how unlike they are."""

    users: dict[str, float]
    overlap: dict[str, float]
    votes: np.ndarray


def users_needed(market: Market) -> dict:
    """Measure every setting: medians over pairs of rankers, and quartiles of the ratios."""
    drift = SEQUENCE.drift(POWER)
    figures = {
        "power_looks": LOOKS,
        "pool_users": USERS,
        "always_valid_cost": round(SEQUENCE.cost(POWER)["at_most"], 3),
    }
    for name in SETTINGS:
        needs = [need for seed in SEEDS if (need := measure_pair(market, name, seed, drift))]
        figures[name] = summarize(needs)
        if name == "medium":
            figures["power_counted"] = count_power(needs[0])
    return figures


def measure_pair(market: Market, name: str, seed: int, drift: float) -> Needs | None:
    """Return what one pair of rankers needs, None where the candidate is not truly better."""
    orders = draw_rankers(market, SETTINGS[name], seed)
    stable, candidate = (market.exact_outcomes(order) for order in orders)
    lifts = {key: candidate[key] / stable[key] - 1 for key in stable}
    if min(lifts.values()) <= LEAST_LIFT:
        return None
    rng = np.random.default_rng([9, seed])
    arms = [shop(market, rank_pages(order), USERS, SHOPPERS, rng) for order in orders]
    pages = draft_pages(*orders)
    sums = shop(market, pages, USERS, SHOPPERS, rng)
    votes = vote(sums)
    exact = pages.exact_credit(market)["clicks"] * SHOPPERS.requests
    click_gain = SHOPPERS.requests * (candidate["clicks"] - stable["clicks"])
    revenue_gain = SHOPPERS.requests * MINOR_UNITS * (candidate["revenue"] - stable["revenue"])
    users = {
        "ab_rpm": ab_users(*cap_revenue(arms), revenue_gain, drift),
        "ab_clicks": ab_users([arm["clicks"] for arm in arms], 1.0, click_gain, drift),
        "vote": one_sample_users(votes, votes.mean(), drift),
        "sum": one_sample_users(difference(sums), exact, drift),
        "orders": one_sample_users(vote(sums, "orders"), vote(sums, "orders").mean(), drift),
    }
    gain = market.ndcg(orders[1]) - market.ndcg(orders[0])
    overlap = describe_overlap(market, orders, pages) | {"ndcg_gain": gain, "credit_over_clicks": exact / click_gain}
    return Needs(users, overlap | {f"{key}_lift": lift for key, lift in lifts.items()}, votes)


def cap_revenue(arms: list) -> tuple[list[np.ndarray], float]:
    """Return users' capped revenue by arm, and the share of the revenue that is left."""
    revenue = np.concatenate([arm["revenue"] for arm in arms])
    cap = np.quantile(revenue[revenue > 0], CAP)
    values = [np.minimum(arm["revenue"], cap) for arm in arms]
    return values, float(np.concatenate(values).sum() / revenue.sum())


def ab_users(values: list[np.ndarray], remaining: float, effect: float, drift: float) -> float:
    """Return the users of both arms together. A cap lowers the effect by the share of revenue that it takes."""
    variance = sum(float(np.var(x)) for x in values)
    return 2 * variance * drift**2 / (remaining * effect) ** 2


def one_sample_users(x: np.ndarray, effect: float, drift: float) -> float:
    """Return the users of an interleaved comparison."""
    return float(np.var(x)) * drift**2 / float(effect) ** 2


def describe_overlap(market: Market, orders: tuple, pages: Pages) -> dict[str, float]:
    """Return how much of a page two rankers share, and how many pages have a pair."""
    tops = [order[:, :PAGE] for order in orders]
    shared = [len(set(a) & set(b)) for a, b in zip(*(top.tolist() for top in tops), strict=True)]
    return {
        "shared_items": float(np.array(shared) @ market.shares),
        "same_place": float((tops[0] == tops[1]).mean(1) @ market.shares),
        "pages_with_pair": float((pages.teams[:, 0] != 0).any(1) @ market.shares),
    }


def summarize(needs: list[Needs]) -> dict:
    """Return medians over pairs of rankers, and the ratios' quartiles."""
    figures = {"ranker_pairs": len(needs)}
    for name in needs[0].overlap:
        figures[name] = round(float(np.median([need.overlap[name] for need in needs])), 4)
    for name in needs[0].users:
        figures[f"users_{name}"] = float(f"{np.median([need.users[name] for need in needs]):.3g}")
    for name in ("rpm", "clicks"):
        ratios = [need.users[f"ab_{name}"] / need.users["vote"] for need in needs]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        figures |= {f"ratio_{name}": middle, f"ratio_{name}_low": low, f"ratio_{name}_high": high}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


def count_power(need: Needs) -> dict:
    """Run experiments of the users that were computed and count those that tell the candidate at some look."""
    each = max(int(np.ceil(need.users["vote"] / LOOKS)), 1)
    users = each * np.arange(1, LOOKS + 1)
    edges = np.array([half_width(int(n), ALPHA, TUNING_SHARE * users[-1]) for n in users])
    rng = np.random.default_rng(4)
    right = 0
    wrong = 0
    for _ in range(CHECKS):
        x = need.votes[rng.integers(len(need.votes), size=users[-1])].reshape(LOOKS, each)
        means = x.sum(1).cumsum() / users
        deviations = np.sqrt((x * x).sum(1).cumsum() / users - means**2)
        told = np.flatnonzero(np.abs(means) > edges * deviations)
        right += bool(len(told) and means[told[0]] > 0)
        wrong += bool(len(told) and means[told[0]] < 0)
    return {"users": int(users[-1]), "right": right / CHECKS, "wrong": wrong / CHECKS}
