"""The pages of nights and of rationales."""

import pytest

from testing.compared_nights import write_night

pytestmark = pytest.mark.slow


def test_nights_are_listed_with_their_breaks(browser):
    for number, ndcg in enumerate((0.80, 0.81, 0.80, 0.81, 0.80, 0.70), 6):
        write_night(number, [], metrics={"macro_f1": 0.7, "ndcg_at_10": ndcg})
    text = browser.get("/nights").text
    assert text.count("<polyline") == 3 and "2026-01-11: NDCG@10 is 0.700" in text
    assert text.index("2026-01-11 03:00") < text.index("2026-01-05 03:00")


def test_a_swept_comparison_is_named(browser):
    write_night(6, [], comparison="comparisons/gone")
    answer = browser.get("/queries")
    assert answer.status_code == 404 and "comparisons/gone/pairs.parquet is not on S3 any more" in answer.text


def test_rationales_are_right_or_wrong(browser):
    text = browser.get("/rationales").text
    assert "1 of 2 right" in text and "Exact</strong>: right" in text and "Irrelevant</strong>: wrong" in text


@pytest.mark.parametrize(("query", "count"), [("kind=conflict", 1), ("kind=right", 0), ("query_id=q2", 0)])
def test_rationales_are_filtered(browser, query, count):
    assert f"<p>{count} of 1 pairs" in browser.get(f"/rationales?{query}").text
