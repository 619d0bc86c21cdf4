"""Two rankings side by side: small true numbers."""

import pytest

from testing.compared_nights import compared_pair
from workbench.side_by_side import compare_rankings, jaccard, rank_biased_overlap


def test_jaccard_counts_shared_items():
    assert jaccard(["a", "b"], ["b", "c"]) == pytest.approx(1 / 3)


def test_equal_rankings_overlap_wholly():
    assert rank_biased_overlap(["a", "b", "c"], ["a", "b", "c"]) == pytest.approx(1)


def test_a_swap_at_the_top_costs_most():
    # depth 1 shares nothing, depth 2 both: 1 * 0.25 + 0.5 / 0.5 * (0 * 0.5 + 1 * 0.25)
    assert rank_biased_overlap(["a", "b"], ["b", "a"], persistence=0.5) == pytest.approx(0.5)


def test_ranks_say_what_moved():
    rows = [
        compared_pair(item_id="i1", stable_score=0.9, candidate_score=0.1),
        compared_pair(item_id="i2", stable_score=0.5, candidate_score=0.5, label="Irrelevant"),
        compared_pair(item_id="i3", stable_score=0.1, candidate_score=0.9, label="Irrelevant"),
    ]
    sides = compare_rankings(rows)
    assert [(item.item_id, item.places_risen) for item in sides.candidate] == [("i3", 2), ("i2", 0), ("i1", -2)]
    assert (sides.stable_ndcg, sides.candidate_ndcg) == (1.0, 0.5)


def test_tied_scores_are_ranked_by_item():
    rows = [compared_pair(item_id=name) for name in ("i2", "i1")]
    assert [item.item_id for item in compare_rankings(rows).stable] == ["i1", "i2"]
