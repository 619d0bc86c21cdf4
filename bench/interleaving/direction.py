"""Whether a preference points where the truth does: exact credit beside exact differences, over pairs of rankers."""

import numpy as np
from scipy.stats import binomtest

from bench.interleaving.weighed import exact_weighed_credit
from bench.interleaving.world import SETTINGS, Market, draft_pages, draw_rankers

RANKER_PAIRS = 150  # a setting; in every other one the candidate is the worse
FIRST_SEED = 1000
CLEAR_LIFT = 0.005  # either way, of which a sign is asked


def sign_agreement(market: Market) -> dict:
    """Measure every setting."""
    figures = {"direction_pairs": RANKER_PAIRS}
    for name in SETTINGS:
        pairs = [measure_pair(market, name, seed) for seed in range(FIRST_SEED, FIRST_SEED + RANKER_PAIRS)]
        credit = {key: np.array([pair[f"credit_{key}"] for pair in pairs]) for key in ("clicks", "revenue", "weighed")}
        lift = {key: np.array([pair[key] for pair in pairs]) for key in ("clicks", "revenue")}
        figures[name] = {
            "sign_clicks": agreement(credit["clicks"], lift["clicks"]),
            "sign_clicks_by_weighed_clicks": agreement(credit["weighed"], lift["clicks"]),
            "sign_revenue": agreement(credit["clicks"], lift["revenue"]),
            "sign_revenue_by_revenue_credit": agreement(credit["revenue"], lift["revenue"]),
            "sign_revenue_by_true_clicks": agreement(lift["clicks"], lift["revenue"]),
        }
    figures["sign_agreement"] = figures["medium"]["sign_clicks"]["share"]
    return figures


def measure_pair(market: Market, name: str, seed: int) -> dict[str, float]:
    """Return one pair's true lifts and its exact credit."""
    orders = draw_rankers(market, SETTINGS[name], seed)
    if seed % 2:
        orders = orders[::-1]
    stable, candidate = (market.exact_outcomes(order) for order in orders)
    pages = draft_pages(*orders)
    credit = pages.exact_credit(market) | {"weighed": exact_weighed_credit(market, pages, orders)}
    lifts = {key: candidate[key] / stable[key] - 1 for key in stable}
    return lifts | {f"credit_{key}": value for key, value in credit.items()}


def agreement(credit: np.ndarray, lift: np.ndarray) -> dict:
    """Return the share of clear lifts whose sign the credit has, with its 95% interval."""
    clear = np.flatnonzero(np.abs(lift) > CLEAR_LIFT)
    right = int((np.sign(credit[clear]) == np.sign(lift[clear])).sum())
    interval = binomtest(right, len(clear)).proportion_ci(0.95)
    return {
        "share": round(right / len(clear), 4),
        "share_low": round(float(interval.low), 4),
        "share_high": round(float(interval.high), 4),
        "pairs": len(clear),
    }
