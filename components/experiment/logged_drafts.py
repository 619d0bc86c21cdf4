"""Drafts of two logged pages of a query, and how a credit on them relates to a gain in clicks.

Symbols: D drafts, P places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.experiment.interleaving import draft

DRAFTS = 8  # of each query


@dataclass(frozen=True)
class LoggedDrafts:
    """Some drafts of a query's two pages.

    An item's lead is how many places higher the candidate ranks it.
    """

    teams: np.ndarray  # (D, P), 0 behind the shorter page
    leads: np.ndarray  # (D, P)
    candidate_leads: np.ndarray  # (P,) of the candidate's own page
    stable_leads: np.ndarray  # (P,)
    shared_items: float  # of a page
    same_position: float

    def expected_credit(self, click_rates: np.ndarray) -> float:
        """Return a page's credit where an item is as good as its lead."""
        return float((click_rates * self.leads * self.teams).sum(1).mean())

    def expected_gain(self, click_rates: np.ndarray) -> float:
        """Return the candidate's gain in clicks in the same case and unit."""
        return float(click_rates @ (self.candidate_leads - self.stable_leads))


def draft_logged_pages(stable: Sequence[str], candidate: Sequence[str], width: int) -> LoggedDrafts:
    """Return drafts of two pages, padded to `width` places.

    What one page lacks is put behind its last place.
    """
    items = list(dict.fromkeys([*stable, *candidate]))
    numbers = {item: number for number, item in enumerate(items)}
    size = min(len(stable), len(candidate))
    leads = np.array([find_rank(stable, item) - find_rank(candidate, item) for item in items], float)
    numbered_orders = [
        [numbers[item] for item in dict.fromkeys([*stable, *candidate])],
        [numbers[item] for item in dict.fromkeys([*candidate, *stable])],
    ]
    rng = np.random.default_rng(len(items))
    rows = [draft(*numbered_orders, rng.random(len(items)) < 0.5).page(1, size) for _ in range(DRAFTS)]
    return LoggedDrafts(
        teams=np.stack([pad(row.teams, width) for row in rows]),
        leads=np.stack([pad(leads[list(row.items)], width) for row in rows]),
        candidate_leads=pad(leads[numbered_orders[1][:size]], width),
        stable_leads=pad(leads[numbered_orders[0][:size]], width),
        shared_items=len(set(stable[:size]) & set(candidate[:size])) / size,
        same_position=sum(a == b for a, b in zip(stable[:size], candidate[:size], strict=True)) / size,
    )


def find_rank(page: Sequence[str], item: str) -> int:
    """Return an item's rank from 0, and the page's length where the page lacks it."""
    return page.index(item) if item in page else len(page)


def pad(values: Sequence[float], width: int) -> np.ndarray:
    """Return the values with zeros behind them, (P,)."""
    row = np.zeros(width)
    row[: len(values)] = values
    return row
