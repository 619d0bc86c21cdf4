"""How two orders become one page, and what no order of coins can change."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.experiment.interleaving import CANDIDATE, NEITHER, NO_PAIR, STABLE, draft, draft_every_outcome

A, B, C, D, E, F, G = range(7)
ORDERS = st.integers(1, 9).flatmap(lambda n: st.tuples(st.permutations(range(n)), st.permutations(range(n))))
COINS = st.lists(st.booleans(), min_size=5, max_size=5)


def test_items_both_want_next_belong_to_neither():
    page = draft([A, B, C, D, E, F, G], [B, A, C, F, G, D, E], [True] * 3).page(1, 5)
    assert page.items == (A, B, C, D, F)
    assert page.teams == (STABLE, CANDIDATE, NEITHER, STABLE, CANDIDATE)
    assert page.pairs == (0, 0, NO_PAIR, 1, 1)


def test_a_coin_turns_its_own_pair_alone():
    orders = ([A, B, C, D, E, F, G], [B, A, C, F, G, D, E])
    assert draft(*orders, [True, False, True]).items == (A, B, C, F, D, E, G)
    assert draft(*orders, [False, True, True]).items == (B, A, C, D, F, E, G)


def test_equal_orders_have_no_teams():
    assert draft([C, A, B], [C, A, B], []).teams == (NEITHER,) * 3


def test_no_candidates_make_an_empty_page():
    assert draft([], [], []).items == ()


@pytest.mark.parametrize("candidate", [[A, B], [A, B, D], [A, B, B]])
def test_different_candidates_are_refused(candidate):
    with pytest.raises(ValueError, match="rank the same candidates by both"):
        draft([A, B, C], candidate, [True] * 3)


def merge_slowly(stable, candidate, coins):
    """Return items and teams as Algorithm 1 says it, with every list searched from its top."""
    items = []
    teams = []
    coins = list(coins)
    while len(items) < len(stable):
        best = [next(item for item in order if item not in items) for order in (stable, candidate)]
        if best[0] == best[1]:
            items += best[:1]
            teams += [NEITHER]
        else:
            is_stable_first = coins.pop(0)
            items += best if is_stable_first else best[::-1]
            teams += [STABLE, CANDIDATE] if is_stable_first else [CANDIDATE, STABLE]
    return tuple(items), tuple(teams)


@given(ORDERS, COINS)
def test_drafts_equal_a_slow_oracle_s(orders, coins):
    whole = draft(*orders, coins)
    assert (whole.items, whole.teams) == merge_slowly(*orders, coins)


@given(ORDERS, COINS, st.integers(1, 4))
def test_pages_hold_each_item_once(orders, coins, size):
    whole = draft(*orders, coins)
    pages = [whole.page(number, size).items for number in range(1, 11)]
    assert Counter(item for page in pages for item in page) == Counter(orders[0])


@given(ORDERS, COINS)
def test_coins_never_choose_the_items(orders, coins):
    first = draft(*orders, coins)
    second = draft(*orders, [not coin for coin in coins])
    assert first.pairs == second.pairs
    for end, (pair, next_pair) in enumerate(zip(first.pairs, (*first.pairs[1:], NO_PAIR), strict=True), 1):
        if pair == NO_PAIR or pair != next_pair:  # no pair is cut here
            assert set(first.items[:end]) == set(second.items[:end])


@given(ORDERS, COINS)
def test_swapped_rankers_and_coins_swap_the_teams(orders, coins):
    first = draft(*orders, coins)
    second = draft(*reversed(orders), [not coin for coin in coins])
    assert first.items == second.items and first.teams == tuple(-team for team in second.teams)


@given(ORDERS, COINS)
def test_each_pair_is_an_item_of_either(orders, coins):
    page = draft(*orders, coins)
    for pair in set(page.pairs) - {NO_PAIR}:
        places = [place for place, number in enumerate(page.pairs) if number == pair]
        assert places[1] == places[0] + 1
        assert {page.teams[place] for place in places} == {STABLE, CANDIDATE}
        assert (page.teams[places[0]] == STABLE) == coins[pair]


@pytest.mark.parametrize("size", [3, 4])
def test_random_clicks_credit_neither_ranker(size):
    chances = 1 / np.log2(1 + np.arange(1, size + 1))  # seen at each place, whatever the item
    for candidate in permutations(range(6)):
        _, teams = draft_every_outcome(range(6), candidate, size)
        assert abs((teams * chances).sum(axis=1).mean()) < 1e-12


def click_difference(stable, candidate, good, size=4):
    """Return the candidate's exact clicks minus stable's, of its own page and by team credit."""
    chances = 1 / np.log2(1 + np.arange(1, size + 1))
    clicks = np.where(np.isin(np.arange(6), good), 0.35, 0.03)
    truth = (clicks[list(candidate[:size])] - clicks[list(stable[:size])]) @ chances
    items, teams = draft_every_outcome(stable, candidate, size)
    return truth, (clicks[items] * teams * chances).sum(axis=1).mean()


def test_a_pure_shift_is_blind():
    """State a known limit: the candidate is better, and team credit sees nothing."""
    truth, credit = click_difference(range(6), (1, 2, 3, 4, 5, 0), good=[2, 3, 4, 5])
    assert truth == pytest.approx(0.20, abs=0.005) and credit == pytest.approx(0, abs=1e-12)


def test_credit_may_point_the_wrong_way():
    """State a known limit: the candidate is worse, and team credit prefers it."""
    truth, credit = click_difference(range(6), (1, 4, 2, 5, 0, 3), good=[0, 1, 3, 4])
    assert truth == pytest.approx(-0.14, abs=0.005) and credit == pytest.approx(0.15, abs=0.01)


def test_credit_does_not_grow_with_the_gain():
    """State a known limit: an item lifted by one place or by three is credited alike."""
    short_lift = click_difference(range(6), (1, 0, 2, 3, 4, 5), good=[1])
    long_lift = click_difference(range(6), (3, 0, 1, 2, 4, 5), good=[3])
    assert long_lift[0] > 1.4 * short_lift[0] and long_lift[1] == pytest.approx(short_lift[1])
