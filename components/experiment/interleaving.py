"""Two rankers' orders as one page: competitive pairs, with a coin a pair (Zhang et al., KDD 2025, Algorithm 1).

In each turn the best remaining item of both orders is looked at before anybody picks. Is it the same, it goes on the
page and belongs to nobody. Otherwise both go on as a pair, in the order of the pair's coin. So coins decide the order
within pairs, and never which items are drafted. A pair may be cut by the end of a page: it is credited as it stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product

import numpy as np

STABLE = -1  # the teams, as the sign of their credit
NEITHER = 0
CANDIDATE = 1
TEAMS = {STABLE: "A", NEITHER: "none", CANDIDATE: "B"}  # as logs name them
NO_PAIR = -1


@dataclass(frozen=True)
class Draft:
    """One order of all candidates, with the team and the pair of each place."""

    items: tuple[int, ...]
    teams: tuple[int, ...]  # STABLE, NEITHER or CANDIDATE
    pairs: tuple[int, ...]  # numbered from 0, NO_PAIR for an item of neither

    def page(self, number: int, size: int) -> "Draft":
        """Return the places of one page, numbered from 1, of `size` places.

        All pages of a search are cut from one draft, so that no item comes twice.
        """
        places = slice((number - 1) * size, number * size)
        return Draft(self.items[places], self.teams[places], self.pairs[places])


def draft(stable: Sequence[int], candidate: Sequence[int], coins: Sequence[bool]) -> Draft:
    """Merge two orders of the same items into one.

    `coins[n]` is true where stable's item comes first in pair n: half as many coins as items always suffice.

    Raises:
        ValueError: the orders do not hold the same items, each once.
    """
    if len(stable) != len(candidate) or set(stable) != set(candidate) or len(set(stable)) != len(stable):
        raise ValueError("the two orders do not hold the same items, each once: rank the same candidates by both")
    rows = []
    placed_items = set()
    orders = (_remaining(stable, placed_items), _remaining(candidate, placed_items))
    pair = 0
    while len(rows) < len(stable):
        stable_item, candidate_item = (next(order) for order in orders)
        if stable_item == candidate_item:
            rows.append((stable_item, NEITHER, NO_PAIR))
        else:
            both = [(stable_item, STABLE, pair), (candidate_item, CANDIDATE, pair)]
            rows += both if coins[pair] else reversed(both)
            pair += 1
        placed_items |= {stable_item, candidate_item}
    return Draft(*zip(*rows, strict=True)) if rows else Draft((), (), ())


def _remaining(order: Sequence[int], placed_items: set[int]) -> Iterator[int]:
    """Yield an order's items that are not placed at the time they are asked for."""
    return (item for item in order if item not in placed_items)


def draft_every_outcome(stable: Sequence[int], candidate: Sequence[int], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return items and teams of the first page for every outcome of its coins.

    Both are (C, size). Outcomes are equally likely. C is two to the number of pairs that fit on a page: a page
    without pairs comes so often, too.
    """
    count = (size + 1) // 2
    spare = [True] * len(stable)  # of pairs after the page
    pages = [
        draft(stable, candidate, list(chain(coins, spare))).page(1, size)
        for coins in product((True, False), repeat=count)
    ]
    return np.array([page.items for page in pages]), np.array([page.teams for page in pages])
