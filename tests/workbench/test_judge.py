"""Judging: an order of one's own, ratings that a run reads, agreement, export."""

import re

import pytest

from components import storage
from components.judgements.config import PrepareConfig
from components.judgements.prepare import check_source
from components.judgements.readers import open_source
from testing.compared_nights import many_pairs, two_queries, write_night
from workbench import judging, ratings

pytestmark = pytest.mark.slow
ADA = "/judge/pairs?rater=ada"


def vote(browser, rater, pair, label, queue=""):
    fields = {"rater": rater, "query_id": pair[0], "item_id": pair[1], "label": label, "queue": queue}
    return browser.post("/judge/ratings", f"/judge/pairs?rater={rater}", **fields)


def shown_pair(text):
    return tuple(re.search(rf'name="{name}" value="(\w+)"', text)[1] for name in ("query_id", "item_id"))


def judge_all(browser, rater, label):
    for pair in judging.queue_for(rater, [], ""):
        vote(browser, rater, pair, label)


def test_judging_goes_from_pair_to_pair(browser):
    seen = []
    text = browser.get(ADA).text
    for _ in range(6):
        seen.append(shown_pair(text))
        text = vote(browser, "ada", seen[-1], "Exact").text
    assert len(set(seen)) == 6 and "You have judged all of them" in text
    assert [rating.pair for rating in ratings.read_ratings()] == seen


def test_everybody_has_an_order_of_their_own(browser):
    orders = {tuple(judging.queue_for(rater, [], "")) for rater in ("ada", "bo", "cy", "di")}
    assert len(orders) > 1 and len({frozenset(order) for order in orders}) == 1


def test_an_existing_label_is_not_shown(browser):
    text = browser.get(ADA).text.split("<h2>The item</h2>")[1].split("<form")[0]
    assert 'class="label' not in text


def test_a_second_rating_replaces_the_first(browser):
    vote(browser, "ada", ("q1", "i0"), "Exact")
    vote(browser, "ada", ("q1", "i0"), "Substitute")
    assert [rating.label for rating in ratings.read_ratings()] == ["Substitute"]


def test_undo_takes_ones_own_last_rating(browser):
    vote(browser, "ada", ("q1", "i0"), "Exact")
    vote(browser, "bo", ("q1", "i1"), "Exact")
    vote(browser, "ada", ("", ""), "")
    assert [rating.rater for rating in ratings.read_ratings()] == ["bo"]


def test_next_passes_over_a_pair(browser):
    first = shown_pair(browser.get(ADA).text)
    second = shown_pair(browser.get(f"{ADA}&skip=1").text)
    assert first != second and shown_pair(browser.get(f"{ADA}&skip=6").text) == first


@pytest.mark.parametrize(("pair", "label"), [(("q9", "i0"), "Exact"), (("q1", "i0"), "Perfect")])
def test_what_is_not_shown_is_not_kept(browser, pair, label):
    assert vote(browser, "ada", pair, label).status_code == 422
    assert ratings.read_ratings() == []


def test_nobody_judges_without_a_name(browser):
    assert browser.get("/judge/pairs?rater=+").status_code == 422


def test_disagreements_wait_for_a_third(browser):
    vote(browser, "ada", ("q1", "i0"), "Exact")
    vote(browser, "bo", ("q1", "i0"), "Irrelevant")
    vote(browser, "bo", ("q1", "i1"), "Irrelevant")
    text = browser.get("/judge").text
    assert "Judge disagreements (1)" in text and "ada: Exact, bo: Irrelevant" in text
    assert judging.queue_for("cy", ratings.read_ratings(), judging.DISAGREEMENTS) == [("q1", "i0")]
    assert judging.queue_for("ada", ratings.read_ratings(), judging.DISAGREEMENTS) == []


def test_agreement_has_an_interval(browser):
    assert "no pair has two ratings" in browser.get("/judge").text
    labels = {"ada": ("Exact", "Irrelevant", "Exact"), "bo": ("Exact", "Irrelevant", "Irrelevant")}
    for rater, given_labels in labels.items():
        for pair, label in zip((("q1", "i0"), ("q1", "i1"), ("q2", "i0")), given_labels, strict=True):
            vote(browser, rater, pair, label)
    # six ratings, three of each label: 1 - 5 * 2 / 18, where three pairs have two ordered disagreements
    match = re.search(
        r"<strong>0.44</strong> \((\S+) to (\S+)\), over 3 pairs with 6 ratings", browser.get("/judge").text
    )
    assert float(match[1]) < 0.44 < float(match[2])


def test_a_run_reads_the_ratings(browser, tmp_path):
    judge_all(browser, "ada", "Exact")
    path = tmp_path / "judgements.jsonl"
    path.write_bytes(browser.get("/judge/judgements.jsonl").content)
    assert path.read_bytes() == storage.get_bytes(ratings.NAME)
    rows = [row.values for row in open_source(path, {}).rows]
    assert {(row["rater"], row["label"]) for row in rows} == {("ada", "Exact")}
    assert "1 train and 1 valid queries" in check_source(path, {}, PrepareConfig()).problem


def test_quepid_gets_one_grade_a_pair(browser):
    assert browser.get("/judge/quepid.csv").status_code == 404
    for rater in ("ada", "bo"):
        vote(browser, rater, ("q1", "i0"), "Exact")
    answer = browser.get("/judge/quepid.csv")
    assert answer.text.splitlines() == ["query,docid,rating", "red running shoes,i0,3.0"]
    assert answer.headers["content-disposition"] == 'attachment; filename="quepid.csv"'


def test_quepids_file_is_read_back_with_items(browser, tmp_path):
    judge_all(browser, "ada", "Exact")
    for name in ("quepid.csv", "items.csv"):
        (tmp_path / name).write_bytes(browser.get(f"/judge/{name}").content)
    rows = [row.values for row in open_source(tmp_path, {}).rows]
    assert {(row["query"], row["item_id"]) for row in rows} == {
        (row["query"], row["item_id"]) for row in two_queries()[0]
    }
    assert all(row["title"] and row["label"] == "3.0" for row in rows)


def test_few_labels_measure_both_versions(empty_browser):
    pairs = many_pairs(3, items=3)
    write_night(5, pairs)
    assert empty_browser.get("/judge/figures").status_code == 404
    vote(empty_browser, "ada", ("q00000", "i0"), "Exact")
    assert "Nothing can be measured yet" in empty_browser.get("/judge/figures").text
    for pair in pairs:
        vote(empty_browser, "ada", (pair["query_id"], pair["item_id"]), pair["label"])
    text = empty_browser.get("/judge/figures").text
    # each version is right on a query of its own; where the Exact item comes last of three, NDCG is 0.5
    rows = re.findall(r"<td>NDCG@10</td><td>(\w+)</td><td class=\"number\">([\d.]+)", text)
    assert [side for side, _ in rows] == ["stable", "candidate"] and rows[0][1] == rows[1][1] == "0.667"
    assert text.count("<td>macro-F1</td>") == 2
