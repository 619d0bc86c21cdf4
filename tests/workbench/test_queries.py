"""All held-out queries, their change, their filters, and one of them side by side."""

import re

import pytest

from testing.compared_nights import compared_pair, many_pairs, write_night
from workbench.query_changes import Filters, find_query, list_queries, mean_change, measure_queries

pytestmark = pytest.mark.slow


def listed_queries(text):
    return re.findall(r"<bdi>([^<]*)</bdi></a></td>", text)


def test_the_worst_query_comes_first(browser):
    text = browser.get("/queries").text
    assert listed_queries(text) == ["red running shoes", "garden hose"]
    assert "1 gained, 1 lost; mean change of NDCG@10 +0.000" in text


def test_filters_narrow_the_list(empty_browser):
    write_night(5, many_pairs(12))
    assert listed_queries(empty_browser.get("/queries?query_class=head&locale=us").text) == ["query 3", "query 9"]
    assert len(listed_queries(empty_browser.get("/queries?move=gained").text)) == 4
    assert listed_queries(empty_browser.get("/queries?text=QUERY+11").text) == ["query 11"]


def test_a_query_without_gain_comes_last(empty_browser):
    rows = many_pairs(3)
    rows += [compared_pair(query_id="z", query="z", item_id=f"i{number}", label="Irrelevant") for number in range(3)]
    night = write_night(5, rows)
    changes = measure_queries(night["comparison"])
    assert [change.query_id for change in list_queries(changes, Filters(order="best"))][-1] == "z"
    assert mean_change([find_query(night["comparison"], "z")]) is None


def test_a_query_opens_side_by_side(browser):
    text = browser.get("/compare?query_id=q1").text
    assert "student-old" in text and "student-new" in text and "▲ 2" in text and "▼ 2" in text
    assert re.search(r"Jaccard of the first ten</dt><dd>1.00", text)


def test_without_a_candidate_servers_are_not_asked(browser):
    text = browser.get("/compare?query_id=q1&source=servers").text
    assert "no candidate is served now" in text and "As the night of 2026-01-05 ranked it" in text


def test_an_unknown_query_is_named(browser):
    answer = browser.get("/compare?query_id=q9")
    assert answer.status_code == 404 and "&#39;q9&#39; is not among the held-out ones" in answer.text


def test_without_a_night_pages_say_so(empty_browser):
    answer = empty_browser.get("/queries")
    assert answer.status_code == 404 and "No night has left a comparison yet" in answer.text
    assert "No night has ended yet" in empty_browser.get("/nights").text


def test_the_newest_night_is_shown(browser):
    write_night(6, many_pairs(2))
    assert listed_queries(browser.get("/queries?order=query").text) == ["query 0", "query 1"]
