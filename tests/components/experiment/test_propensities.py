"""Clicks weighed by ranks: exactly nothing where clicks are random, and what goes wrong without each of its parts."""

from itertools import chain, product

import numpy as np
import pytest

from components.experiment.interleaving import draft
from components.experiment.propensities import (
    LEAST_CLICKS,
    FirstPages,
    StepCounts,
    count_steps,
    estimate_propensities,
    weigh_places,
)

PLACES = 6
CANDIDATES = 9
SEEN = 1 / np.log2(1 + np.arange(1, PLACES + 1))


def draft_all(stable, candidate, places=PLACES):
    """Return the first page of every outcome of its coins, with its items."""
    spare = [True] * len(stable)
    drafts = [draft(stable, candidate, [*coins, *spare]) for coins in product((True, False), repeat=(places + 1) // 2)]
    pages = [one.page(1, places) for one in drafts]
    items = np.array([page.items for page in pages])
    ranks = [np.argsort(order)[items] + 1 for order in (stable, candidate)]
    teams, pairs = (np.array([getattr(page, name) for page in pages]) for name in ("teams", "pairs"))
    return FirstPages(*ranks, teams, pairs, np.zeros(items.shape)), items


def with_clicks(pages, clicks):
    return FirstPages(pages.stable_ranks, pages.candidate_ranks, pages.teams, pages.pairs, clicks)


def two_rankers(seed=1, places=PLACES, noise=9.0):
    """Return drafts of two rankers, the more alike the less noise they have."""
    rng = np.random.default_rng(seed)
    return draft_all(*np.argsort(np.arange(CANDIDATES) + rng.normal(0, noise, (2, CANDIDATES))), places)


@pytest.mark.parametrize("places", [5, 6])
@pytest.mark.parametrize("seed", range(12))
def test_random_clicks_prefer_nobody_exactly(seed, places):
    pages, _ = two_rankers(seed, places)
    credit = (weigh_places(pages, SEEN[:places]) * SEEN[:places]).sum(1)
    assert np.abs(pages.teams).sum() and abs(credit.mean()) < 1e-12


def test_uncentred_weights_favour_a_side():
    """State why a page's mean is taken off: no page shows all items of both rankers."""
    biases = []
    for seed in range(12):
        pages, _ = two_rankers(seed)
        weights = weigh_places(pages, SEEN)
        mean_weight = weights.mean(1) - plain_weights(pages).mean(1)
        assert np.allclose(weights - plain_weights(pages), mean_weight[:, None])
        biases.append((plain_weights(pages) * SEEN).sum(1).mean())
    assert min(np.abs(biases)) < 0.05 and max(np.abs(biases)) > 0.3


def plain_weights(pages):
    """Return a gain over the mean propensity of an item's places, place by place."""
    weights = np.zeros(pages.clicks.shape)
    chances = [*SEEN, *[0.0] * CANDIDATES]
    for page, place in product(range(len(weights)), range(PLACES)):
        same = np.flatnonzero((pages.pairs[page] == pages.pairs[page, place]) & (pages.pairs[page] >= 0))
        seen = SEEN[same].mean() if len(same) else SEEN[place]
        gain = chances[pages.candidate_ranks[page, place] - 1] - chances[pages.stable_ranks[page, place] - 1]
        weights[page, place] = gain / seen
    return weights


def test_weights_see_a_pure_shift():
    """Team credit sees exactly nothing here, and the candidate's page is better by 0.2 clicks."""
    pages, items = draft_all(range(6), (1, 2, 3, 4, 5, 0), 4)
    chances = np.where(items > 1, 0.35, 0.03) * SEEN[:4]
    assert (chances * pages.teams).sum(1).mean() == pytest.approx(0, abs=1e-12)
    assert (chances * weigh_places(pages, SEEN[:4])).sum(1).mean() > 0.1


def test_swapped_rankers_swap_the_sign():
    pages, _ = two_rankers()
    swapped = FirstPages(pages.candidate_ranks, pages.stable_ranks, -pages.teams, pages.pairs, pages.clicks)
    assert np.allclose(weigh_places(pages, SEEN), -weigh_places(swapped, SEEN))


def expected_counts(seeds, appeal, scale=1e6):
    """Return the clicks of many users on every draft of some pairs of rankers, without noise."""
    counts = StepCounts(*np.zeros((2, 2, PLACES - 1)))
    for seed in seeds:
        pages, items = two_rankers(seed, noise=1.0)
        counts += count_steps(with_clicks(pages, scale * appeal[items] * SEEN))
    return counts


def test_coins_tell_the_propensities():
    """Whatever the items are worth, and whoever ranks them."""
    appeal = np.random.default_rng(9).uniform(0.05, 0.6, CANDIDATES)
    counts = expected_counts(range(12), appeal)
    assert np.allclose(estimate_propensities(counts), SEEN)
    assert not np.allclose(counts.upper[0], counts.upper[1])


def test_steps_with_few_clicks_end_the_page():
    counts = StepCounts(np.full((2, 5), 50.0), np.full((2, 5), 40.0))
    counts.lower[:, 3] = LEAST_CLICKS / 2 - 1
    assert np.allclose(estimate_propensities(counts), 0.8 ** np.arange(4))
    assert len(estimate_propensities(StepCounts(*np.zeros((2, 2, 5))))) == 1


def test_shorter_pages_keep_the_balance():
    pages, _ = two_rankers()
    rows = [
        np.pad(values, ((0, 0), (0, 2)), constant_values=-(name == "pairs")) for name, values in vars(pages).items()
    ]
    seen = 1 / np.log2(1 + np.arange(1, PLACES + 3))
    weights = weigh_places(FirstPages(*rows), seen)
    assert abs((weights * seen).sum(1).mean()) < 1e-12 and not weights[:, PLACES:].any()


def test_a_cut_page_keeps_the_balance():
    pages, _ = two_rankers()
    for places in range(2, PLACES):
        weights = weigh_places(pages.cut(places), SEEN[:places])
        assert abs((weights * SEEN[:places]).sum(1).mean()) < 1e-12
        assert list(chain(weights.shape)) == [len(pages.clicks), places]
