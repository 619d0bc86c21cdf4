"""The verdict of an interleaved comparison in its words, from its evidence alone."""

from dataclasses import replace

import pytest

from components.experiment.betting import BettingProcess
from components.experiment.coin_test import CoinCounts
from components.experiment.confidence_sequence import MeanSums
from components.experiment.preference import judge_preference
from components.experiment.preference_plan import CREDITS, PreferencePlan
from components.experiment.preference_users import InterleavedEvidence
from components.experiment.records import Accounts

PLAN = PreferencePlan(horizon_users=1000)
EVEN = MeanSums(1000, 0.0, 400.0, 1.0)
NOTHING = MeanSums(1000, 0.0, 0.0, 0.0)


def evidence(votes=EVEN, **changes):
    """Return the evidence of a thousand users who all saw a pair."""
    whole = InterleavedEvidence(
        accounts=Accounts(exposures=10_000),
        currency="",
        set_aside={},
        fallback_pages=0,
        ranker_failures={"stable": 0, "candidate": 0},
        users={"all": 1000, "with_pair": 1000, "for_stable": 200, "for_candidate": 200},
        pages={"all": 1000, "with_pair": 1000},
        credits=dict.fromkeys(CREDITS, NOTHING) | {"vote": votes},
        coins=CoinCounts(1000, 500, EVEN, EVEN),
        bets=BettingProcess(0.05, 700),
        notes=(),
    )
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("total", "verdict"),
    [(150, "candidate's items are preferred"), (-150, "stable's items are preferred"), (20, "not told")],
)
def test_the_sign_of_the_votes_decides(total, verdict):
    assert judge_preference(evidence(MeanSums(1000, total, 400.0, 1.0)), PLAN).verdict == verdict


def test_a_doubtful_coin_voids_any_preference():
    doubtful = evidence(MeanSums(1000, 300, 400.0, 1.0), coins=CoinCounts(1000, 600, EVEN, EVEN))
    result = judge_preference(doubtful, PLAN)
    assert result.verdict == "void" and result.reason.startswith("the coin is in doubt: stable comes first for 60.0%")


def test_votes_of_one_side_leave_the_coin_alone():
    assert judge_preference(evidence(MeanSums(1000, 900, 1000.0, 1.0)), PLAN).coin.problem == ""


def test_few_users_with_a_pair_are_refused():
    users = {"all": 1000, "with_pair": 99, "for_stable": 0, "for_candidate": 90}
    result = judge_preference(evidence(MeanSums(1000, 90, 90.0, 1.0), users=users), PLAN)
    assert (result.verdict, result.intervals["vote"]) == ("not told", None)
    assert result.reason == "99 of 1,000 users saw a pair, and 100 are needed"


def test_equal_pages_are_an_answer():
    users = {"all": 1000, "with_pair": 8, "for_stable": 0, "for_candidate": 0}
    result = judge_preference(evidence(NOTHING, users=users, pages={"all": 1000, "with_pair": 10}), PLAN)
    assert result.verdict == "pages hardly differ"
    assert result.reason.startswith("10 of 1,000 pages (1.0%) had a pair")


def test_a_preference_counts_on_few_pages():
    pages = {"all": 1_000_000, "with_pair": 10_000}
    assert judge_preference(evidence(MeanSums(1000, 150, 400.0, 1.0), pages=pages), PLAN).verdict.startswith(
        "candidate"
    )
    assert judge_preference(evidence(pages=pages), PLAN).verdict == "pages hardly differ"


def test_a_handful_of_users_is_no_answer():
    users = {"all": 3, "with_pair": 0, "for_stable": 0, "for_candidate": 0}
    small = evidence(MeanSums(3, 0, 0, 0), users=users, pages={"all": 3, "with_pair": 0})
    assert judge_preference(replace(small, coins=CoinCounts(0, 0, NOTHING, NOTHING)), PLAN).verdict == "not told"


def test_no_click_at_all_is_not_told():
    result = judge_preference(evidence(NOTHING), PLAN)
    assert result.verdict == "not told" and "no outcome fell on an item of one ranker" in result.reason


def test_many_missing_drafts_void_the_comparison():
    result = judge_preference(evidence(fallback_pages=30), PLAN)
    assert result.verdict == "void" and result.reason.startswith("2.9% of 1,030 pages had no draft, and at most 2.0%")
    assert judge_preference(evidence(fallback_pages=20), PLAN).verdict == "not told"


def test_another_credit_may_decide():
    orders = evidence(credits=dict.fromkeys(CREDITS, EVEN) | {"orders": MeanSums(1000, -90, 100.0, 1.0)})
    assert judge_preference(orders, PLAN).verdict == "not told"
    assert judge_preference(orders, replace(PLAN, credit="orders")).verdict == "stable's items are preferred"


def test_more_users_tell_a_smaller_preference():
    small = MeanSums(1000, 20, 400.0, 1.0)
    many = MeanSums(300_000_000, 6_000_000, 120_000_000.0, 1.0)
    assert judge_preference(evidence(small), PLAN).verdict == "not told"
    assert judge_preference(evidence(many), PLAN).verdict == "candidate's items are preferred"
