"""The second opinion: users' numbers and their spread against the jackknife, and what puts it in doubt."""

from dataclasses import replace
from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from components.experiment.aggregate import LogSource
from components.experiment.confidence_sequence import MeanInterval, MeanSums
from components.experiment.interleaving import NO_PAIR, TEAMS, draft
from components.experiment.preference import judge_preference
from components.experiment.preference_logs import collect_pages
from components.experiment.preference_plan import PreferencePlan
from components.experiment.preference_users import merge_pages
from components.experiment.propensities import (
    FirstPages,
    clicks_on_pairs,
    count_steps,
    estimate_propensities,
    weigh_places,
)
from components.experiment.records import AttributionRules, ExperimentSetup
from components.experiment.second_opinion import SecondOpinion, judge_weighed_clicks
from components.experiment.weighed_clicks import WeighedClicks, check_steps, weigh_clicks
from components.release_state import Stage
from tests.components.experiment.interleaved_rows import START, click, page
from tests.components.experiment.log_rows import write_shard

NOW = START + timedelta(days=10)
SETUP = ExperimentSetup("e1", None, (Stage(1.0, START.isoformat()),), {})
PLACES = 4
SEEN = 1 / np.log2(1 + np.arange(1, PLACES + 1))
STABLE_ORDER = (0, 1, 2, 3, 4, 5)
WORSE_ORDERS = ((1, 0, 2, 3, 4, 5), (0, 3, 1, 2, 4, 5), (0, 1, 3, 2, 4, 5))  # of the candidate, by query
APPEAL = np.array([0.8, 0.2, 0.8, 0.2, 0.8, 0.2])  # of each item
PLAN = PreferencePlan(horizon_users=600)
TEAM_NUMBERS = {-1: 0, 1: 1, 0: 2}
VISITS = 2  # of a user


def draw_pages(users, rng):
    """Return the pages of some users' visits, (N, P) each, and their items."""
    number = np.arange(users * VISITS)
    orders = [WORSE_ORDERS[one] for one in (number // VISITS + number) % len(WORSE_ORDERS)]
    pages = [draft(STABLE_ORDER, order, rng.random(3) < 0.5).page(1, PLACES) for order in orders]
    items, teams, pairs = (np.array([getattr(one, name) for one in pages]) for name in ("items", "teams", "pairs"))
    candidate_ranks = np.take_along_axis(np.argsort(orders, axis=1), items, 1) + 1
    return FirstPages(items + 1, candidate_ranks, teams, pairs, np.zeros(items.shape, int)), items


def shop(users, appeal=APPEAL, seed=1):
    """Return some users' pages with their clicks."""
    rng = np.random.default_rng(seed)
    pages, items = draw_pages(users, rng)
    return replace(pages, clicks=(rng.random(items.shape) < np.asarray(appeal)[items] * SEEN).astype(int))


def weigh(pages, propensities=()):
    """Return the weighed clicks of pages that are tables already, one page a draft."""
    rows = [
        [
            {"place": place + 1, "team": TEAM_NUMBERS[team], "pair": pair, "stable": stable, "candidate": candidate}
            for place, (stable, candidate, team, pair, _) in enumerate(page.tolist())
        ]
        for page in np.stack(list(vars(pages).values()), axis=2)
    ]
    clicked = [(np.flatnonzero(row) + 1).tolist() for row in pages.clicks]
    numbers = np.arange(len(rows)) // VISITS
    table = {"user_id": numbers, "reason": [""] * len(rows), "places": rows, "clicked": clicked}
    with duckdb.connect() as db:
        db.register("given_pages", pa.table(table))
        for name in ("pages", "drafts"):
            db.execute(f"CREATE TABLE {name} AS SELECT * FROM given_pages")
        db.execute("CREATE TABLE users AS SELECT DISTINCT user_id FROM pages")
        return weigh_clicks(db, propensities)


def judge(pages, propensities=()):
    return judge_weighed_clicks(weigh(pages, propensities), PLAN, has_enough_users=True)


def estimate(pages):
    """Return the mean of users' numbers from nothing but their pages."""
    propensities = estimate_propensities(count_steps(pages))
    cut = pages.cut(len(propensities))
    return (cut.clicks * weigh_places(cut, propensities)).sum() * VISITS / len(pages.clicks)


def test_numbers_and_spread_are_the_jackknife_s():
    users = 250
    pages = shop(users)
    numbers = weigh(pages).numbers
    assert numbers.users == users and numbers.mean == pytest.approx(estimate(pages))
    owners = np.arange(users * VISITS) // VISITS
    without = [
        estimate(FirstPages(*(rows[np.flatnonzero(owners != user)] for rows in vars(pages).values())))
        for user in range(users)
    ]
    assert numbers.variance == pytest.approx((users - 1) ** 2 * np.var(without, ddof=1), rel=0.05)


def test_the_worse_ranker_is_told_on_average():
    opinion = judge(shop(600))
    assert opinion.interval.high < 0 and opinion.problem == "" and opinion.are_estimated
    assert opinion.propensities == pytest.approx(SEEN[: len(opinion.propensities)], abs=0.2)
    assert judge(shop(600), tuple(SEEN)).interval.high < 0


def test_random_clicks_are_not_told():
    opinion = judge(shop(600, [0.4] * 6))
    assert opinion.interval.low < 0 < opinion.interval.high and opinion.check_p_value > 0.01
    assert opinion.compare(None) == "tells nothing"


def test_wrong_propensities_are_caught():
    opinion = judge(shop(2000), (1.0, 1 / 2, 1 / 3, 1 / 4))
    assert opinion.interval is None and not opinion.are_estimated
    assert opinion.problem.startswith("the propensities are in doubt: clicks on pairs do not balance over ")


def test_one_wrong_step_is_named():
    wrong = (1.0, SEEN[1], 0.5 * SEEN[1], 0.5 * SEEN[1] * SEEN[3] / SEEN[2])
    assert "clicks on pairs do not balance over places 2 and 3 (p " in judge(shop(1500), wrong).problem


def test_places_that_matter_by_team_are_doubted():
    """Look on after stable's items alone: no propensity is right for both teams."""
    by_team = np.array([[0.5, 0.5, 0.5, 0.5], [0.5, 0.4, 0.3, 0.2], [0.5, 0.2, 0.1, 0.05]])
    rng = np.random.default_rng(3)
    pages, items = draw_pages(1500, rng)
    seen = by_team[pages.teams + 1, np.arange(PLACES)]
    pages = replace(pages, clicks=(rng.random(items.shape) < seen).astype(int))
    assert judge(pages).problem.startswith("the propensities are in doubt")


def test_right_propensities_are_hardly_ever_doubted():
    doubts = 0
    for seed in range(100):
        pages = shop(120, seed=seed)
        steps = check_steps(clicks_on_pairs(pages), SEEN, count_steps(pages), is_estimated=False)
        by_user = steps.reshape(-1, VISITS, PLACES - 1).sum(1)
        checks = tuple(MeanSums.from_numbers(x) for x in (*by_user.T, by_user.sum(1)))
        weighed = WeighedClicks(240, tuple(SEEN), are_estimated=False, numbers=checks[0], checks=checks)
        doubts += bool(judge_weighed_clicks(weighed, PLAN, has_enough_users=True).problem)
    assert doubts <= 4


def test_few_clicks_give_no_propensity():
    pages = shop(150)
    opinion = judge(replace(pages, clicks=pages.clicks * (np.arange(300) < 9)[:, None]))
    assert "how much a place matters is not known" in opinion.problem and opinion.interval is None
    assert judge_weighed_clicks(weigh(pages), PLAN, has_enough_users=False).problem == "too few users saw a pair"


def write_rows(pages):
    """Return the pages as rows of logs."""
    exposures = []
    clicks = []
    for number, one in enumerate(np.stack(list(vars(pages).values()), axis=2).tolist()):
        teams = [(TEAMS[team], None if pair == NO_PAIR else pair) for _, _, team, pair, _ in one]
        request = f"r{number}"
        user = (number // VISITS).to_bytes(16, "big")
        rows = page(request, user, teams, query=f"q{number % VISITS}")
        ranks = [{"stable_rank": stable, "candidate_rank": candidate} for stable, candidate, *_ in one]
        exposures += [row | rank for row, rank in zip(rows, ranks, strict=True)]
        clicks += [click(request, place) for place, row in enumerate(one, 1) if row[-1]]
    return exposures, clicks


@pytest.fixture
def judge_logs(tmp_path):
    """Return a function that judges logs in so many shards."""

    def take(exposures, outcomes, shards=1):
        sums = []
        for shard in range(shards):
            folders = write_shard(tmp_path / str(shard), (exposures, outcomes, []), shard, shards)
            sums.append(tmp_path / f"sums-{shard}")
            source = LogSource(*folders[:2], rules=AttributionRules(is_interleaved=True))
            collect_pages(source, SETUP, NOW, sums[-1])
        return judge_preference(merge_pages(sums, NOW, PLAN), PLAN)

    return take


def test_logs_give_the_same_numbers(judge_logs):
    pages = shop(150)
    expected = weigh(pages)
    result = judge_logs(*write_rows(pages), shards=2)
    weighed = result.evidence.weighed_clicks
    assert weighed.propensities == expected.propensities
    assert weighed.numbers.total == pytest.approx(expected.numbers.total)
    assert weighed.numbers.squares == pytest.approx(expected.numbers.squares)
    document = result.to_json()["second_opinion"]
    assert document["pages"] == 300 and document["compared"] == "agrees" and document["interval"]["high"] < 0


def test_pages_that_are_not_whole_are_left_out(judge_logs):
    exposures, clicks = write_rows(shop(120))
    later = [row | {"position": row["position"] + PLACES * (row["request_id"] == "r1")} for row in exposures]
    weighed = judge_logs(later[1:], clicks).evidence.weighed_clicks
    assert weighed.pages == 238 and weighed.numbers.users == 120


def test_logs_without_ranks_have_no_opinion(judge_logs):
    exposures, clicks = write_rows(shop(110))
    result = judge_logs([row | {"candidate_rank": None} for row in exposures], clicks)
    assert result.second_opinion.problem == "no first page has stable_rank and candidate_rank of every item: log them"
    assert result.intervals["vote"]


@pytest.mark.parametrize(
    ("weighed", "verdict", "word"),
    [
        ((0.1, 0.3), (0.1, 0.3), "agrees"),
        ((0.1, 0.3), (-0.3, -0.1), "disagrees"),
        ((-0.3, -0.1), (-0.1, 0.3), "alone prefers stable's items"),
        ((-0.1, 0.3), (0.1, 0.3), "tells nothing"),
    ],
)
def test_opinions_are_compared(weighed, verdict, word):
    interval, other = (MeanInterval((low + high) / 2, low, high, 0.01) for low, high in (weighed, verdict))
    assert SecondOpinion(interval, "", 1, (1.0, 0.5), True, 1.0).compare(other) == word
