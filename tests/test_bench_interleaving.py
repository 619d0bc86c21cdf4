"""The measurement of interleaving: its fast shoppers are the simulation's, and its looks are the product's."""

from dataclasses import replace

import numpy as np
import pytest

from bench.interleaving import direction, faults, streams, weighed
from bench.interleaving.lexical_package import write_lexical_package
from bench.interleaving.measure import merge
from bench.interleaving.page_figures import Block, summarize
from bench.interleaving.power import ab_users, one_sample_users
from bench.interleaving.release_step import take_look, visit_all, write_logs
from bench.interleaving.shoppers import Shoppers, shop, vote
from bench.interleaving.world import SEEN, Market, Setting, draft_pages, draw_rankers, rank_pages
from components.contracts import LABELS
from components.experiment.propensities import weigh_places
from components.scoring.scorer import Scorer
from pipelines.profiles import quick
from simulation.shopper_behaviour import behave
from simulation.shopping_world import Query, World

ITEMS = [f"i{number}" for number in range(20)]


@pytest.fixture(scope="module")
def market():
    """Six queries of twenty items each, with every label among them."""
    rng = np.random.default_rng(1)
    return Market(rng.integers(0, 4, (6, 20)), rng.uniform(5, 50, (6, 20)), np.array([0.3, 0.3, 0.1, 0.1, 0.1, 0.1]))


def test_exact_clicks_are_those_of_the_shoppers(market):
    labels = {item: LABELS[label] for item, label in zip(ITEMS, market.labels[0], strict=True)}
    query = Query("q", "shoe", "us", "head", labels)
    rng = np.random.default_rng(2)
    outcomes = [outcome for _ in range(4000) for outcome in behave(query, ITEMS[:10], {}, 1.0, rng)]
    clicks = sum(outcome["kind"] == "click" for outcome in outcomes) / 4000
    one_query = Market(market.labels[:1], market.prices[:1], np.ones(1))
    assert clicks == pytest.approx(one_query.exact_outcomes(np.arange(20)[None])["clicks"], rel=0.06)


def test_fast_shoppers_match_exact_outcomes(market):
    order = np.tile(np.arange(20), (6, 1))
    sums = shop(market, rank_pages(order), 40_000, Shoppers(), np.random.default_rng(3))
    exact = market.exact_outcomes(order)
    assert sums["clicks"].mean() / 3 == pytest.approx(exact["clicks"], rel=0.02)
    assert sums["revenue"].mean() / 300 == pytest.approx(exact["revenue"], rel=0.06)


def test_credit_of_users_matches_exact_credit(market):
    pages = draft_pages(*draw_rankers(market, Setting(0.35, 0.0, 0.28), 4))
    sums = shop(market, pages, 40_000, Shoppers(), np.random.default_rng(5))
    credit = (sums["clicks_candidate"] - sums["clicks_stable"]).mean() / 3
    assert credit == pytest.approx(pages.exact_credit(market)["clicks"], abs=0.015)


def test_random_clicks_prefer_nobody(market):
    pages = draft_pages(*draw_rankers(market, Setting(0.35, 0.0, 0.28), 4))
    shoppers = Shoppers(regular_share=0.1, click_at_random=True)
    votes = vote(shop(market, pages, 40_000, shoppers, np.random.default_rng(6)))
    assert abs(votes.mean()) < 4 * votes.std() / np.sqrt(len(votes))


def test_looks_are_those_of_the_product():
    rng = np.random.default_rng(7)
    for chances in ([0.3, 0.4, 0.3], [0.2, 0.4, 0.4]):
        x = rng.choice([-1, 0, 1], streams.USERS, p=chances)
        assert streams.ever_excludes_zero(x, 99) == (chances[0] != chances[2])


def test_users_needed_are_those_of_the_textbook():
    x = np.tile([0.0, 2.0], 500)  # standard deviation 1
    assert one_sample_users(x, 0.1, 2.8) == pytest.approx(784)
    assert ab_users([x, x], 1.0, 0.1, 2.8) == pytest.approx(4 * 784)


def test_signs_of_clear_lifts_are_counted():
    result = direction.agreement(np.array([1, -1, 1, -1]), np.array([0.01, -0.01, -0.02, 0.001]))
    assert (result["share"], result["pairs"]) == (0.6667, 3)


def test_figures_of_one_setting_are_put_together():
    assert merge({"a": {"x": 1}, "b": 2}, {"a": {"y": 3}}) == {"a": {"x": 1, "y": 3}, "b": 2}


def test_page_ratios_are_of_pooled_blocks():
    blocks = [
        Block(target, clients, [cost, cost, 4 * cost], {"stable": 0.03, "candidate": 0.0, "interleaver": spent})
        for target, cost, spent in (("stable", 10.0, 0.0), ("interleaver", 12.0, 0.03))
        for clients in (1, 16)
        for _ in range(3)
    ]
    figures = summarize(blocks)
    assert (figures["page_p50_ratio"], figures["page_cpu_ratio_16"], figures["page_p99_ratio_1_low"]) == (1.2, 2.0, 1.2)
    assert figures["stable_cpu_ms_1"] == figures["merging_cpu_ms_1"] == 10.0 and figures["pages_16"] == 9


def test_random_clicks_weigh_exactly_nothing(market):
    orders = draw_rankers(market, Setting(0.35, 0.0, 0.28), 4)
    pages = draft_pages(*orders)
    first_pages = weighed.to_first_pages(pages, orders)
    credit = (weigh_places(first_pages, SEEN) * SEEN).sum(1).reshape(pages.items.shape[:2]).mean(1)
    assert np.abs(credit).max() < 1e-12
    plain = (weighed.weigh_plainly(first_pages) * SEEN).sum(1).reshape(pages.items.shape[:2]).mean(1)
    assert np.abs(plain).max() > 0.1


def test_weighed_clicks_point_to_the_better_ranker(market):
    orders = draw_rankers(market, Setting(0.35, 0.3, 0.05), 4)
    pages = draft_pages(*orders)
    gain = market.exact_outcomes(orders[1])["clicks"] - market.exact_outcomes(orders[0])["clicks"]
    assert gain > 0 and weighed.exact_weighed_credit(market, pages, orders) == pytest.approx(gain, rel=0.5)


def test_one_stream_is_judged_four_ways(market, monkeypatch):
    monkeypatch.setattr(weighed, "USERS", 400)
    orders = draw_rankers(market, Setting(0.35, 0.0, 0.28), 4)
    visits, users = weighed.click_at_random(market, draft_pages(*orders), orders, np.random.default_rng(8))
    assert visits.clicks.shape == (1200, 10) and users[-1] == 399
    assert weighed.count_errors(visits, users).keys() == {"told", "believed", "plain", "believed_caught"}


def test_what_faults_break_is_counted():
    pages = [
        faults.Page(("u1", "shoes", 0), 1, "r1", ("a", "b")),
        faults.Page(("u1", "shoes", 0), 2, "r2", ("b", "c")),  # b comes twice
        faults.Page(("u1", "shoes", 1), 1, "r3", ("b", "a")),  # another draft
        faults.Page(("u1", "shoes", 2), 1, "r4", ("b", "a")),  # stable's own page
        faults.Page(("u1", "shoes", 2), 2, "r5", ("a", "c")),  # where a comes twice
    ]
    kinds = {"r4": "fallback", "r5": "fallback"}
    rows = [
        {"request_id": page.request_id, "item_id": item, "page_kind": kinds.get(page.request_id, "interleaved")}
        for page in pages
        for item in page.items
    ]
    figures = faults.summarize(faults.Searches("", "", None, pages), [*rows[1:], rows[3], rows[3]])
    assert (figures["drafts_that_differ"], figures["items_twice"]) == (1, 2)
    assert (figures["rows_lost"], figures["rows_twice"], figures["drafted_pages"]) == (1, 2, 3)


def test_a_damaged_head_ranks_otherwise(tmp_path):
    texts = ("red running shoes", "shoes red wool", "garden hose")
    orders = []
    for is_damaged in (False, True):
        write_lexical_package(tmp_path / str(is_damaged), texts, is_damaged)
        scores = Scorer(tmp_path / str(is_damaged))([("red running shoes", text) for text in texts])
        orders.append(np.argsort(-scores.probabilities[:, 0]).tolist())
    assert orders == [[0, 1, 2], [1, 0, 2]]


def test_a_release_step_decides_by_real_looks(tmp_path):
    labels = {item: LABELS[number // 5] for number, item in enumerate(ITEMS)}
    world = World([Query("q", "shoe", "us", "head", labels)], ITEMS, {})
    items = world.retrieve(world.queries[0])
    best = np.argsort([ITEMS.index(item) for item in items])[None]
    visits = list(visit_all(world, (best[:, ::-1], best), range(300), (0, 0)))
    write_logs(visits, tmp_path, 0)
    plan = replace(quick().plan, interleaved_minimum_users=100)
    preference, verdict = take_look(tmp_path, plan)
    assert verdict == "promote" and preference.evidence.users["all"] == 300
    assert (preference.coin.checked_drafts, preference.coin.wrong_drafts) == (300, 0)
