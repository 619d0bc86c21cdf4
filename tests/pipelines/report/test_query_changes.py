"""Which queries gained and lost by the candidate, and which categories are shown more often."""

import pytest

from components import contracts
from pipelines.report.query_changes import compare_rankings, find_category_shifts, mean_ndcg
from testing.rows import judgement

LABELS = {"shoe": "Exact", "lace": "Complement", "hose": "Irrelevant"}


def prediction(query_id: str, item_id: str, score: float, category: str = "Shoes") -> dict:
    """Return one row of PREDICTIONS."""
    row = dict.fromkeys(contracts.PREDICTIONS.names, "")
    row |= {"query_id": query_id, "item_id": item_id, "label": LABELS[item_id], "predicted_label": "Exact"}
    return row | {"category": category, "probabilities": [1.0, 0.0, 0.0, 0.0], "score": score}


@pytest.fixture
def tables(tmp_path):
    best_first = {"shoe": 0.9, "lace": 0.5, "hose": 0.1}
    worst_first = {"shoe": 0.1, "lace": 0.5, "hose": 0.9}
    pages = {
        "candidate": {"q1": best_first, "q2": worst_first, "q3": best_first},
        "baseline": {"q1": worst_first, "q2": best_first, "q3": best_first},
    }
    for name, queries in pages.items():
        rows = [prediction(query, item, score) for query, page in queries.items() for item, score in page.items()]
        contracts.write(rows, contracts.PREDICTIONS, tmp_path / name)
    judgements = [
        judgement(query_id=query, query=f"query {query}", item_id=item, title=f"a {item}", label=LABELS[item])
        for query in ("q1", "q2", "q3")
        for item in LABELS
    ]
    contracts.write(judgements, contracts.JUDGEMENTS, tmp_path / "judgements")
    return tmp_path / "candidate", tmp_path / "baseline", tmp_path / "judgements"


def test_gained_and_lost_queries_are_listed(tables):
    changes = compare_rankings(*tables)
    assert changes["queries"] == 3
    assert [change["query"] for change in changes["gained"]] == ["query q1"]
    assert [change["query"] for change in changes["lost"]] == ["query q2"]
    assert [item["title"] for item in changes["gained"][0]["candidate_top"]] == ["a shoe", "a lace", "a hose"]
    assert [item["label"] for item in changes["gained"][0]["baseline_top"]] == ["Irrelevant", "Complement", "Exact"]


def test_the_best_order_has_an_ndcg_of_one(tables):
    candidate, _, _ = tables
    worst = (0.01 / 1.5849625 + 1 / 2) / (1 + 0.01 / 1.5849625)  # gains 0, 0.01, 1 over log2 of 2, 3, 4
    assert mean_ndcg(candidate) == pytest.approx((1 + worst + 1) / 3)


def test_a_category_shown_far_more_is_named():
    before = [[prediction("q", "shoe", 1.0, "Monitors > 4K")] * 4, [prediction("q", "shoe", 1.0)] * 5]
    after = [[prediction("q", "shoe", 1.0, "Monitors")] * 5] * 3
    assert {"category": "Monitors", "baseline": 4, "candidate": 15} in find_category_shifts(after, before)
    assert not find_category_shifts(before, before)
