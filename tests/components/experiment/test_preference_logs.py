"""Interleaved logs as users' sums: what counts, what is set aside, and that all counts add up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from components import contracts
from components.experiment.aggregate import LogSource
from components.experiment.assignment import is_interleaved
from components.experiment.people import OUTLIER_MINIMUM
from components.experiment.preference_logs import collect_pages
from components.experiment.preference_plan import PreferencePlan
from components.experiment.preference_users import merge_pages
from components.experiment.records import AttributionRules, ExperimentSetup
from components.release_state import Stage
from tests.components.experiment.interleaved_rows import PAGE, START, click, page, turned
from tests.components.experiment.log_rows import USERS, exposure, outcome, write_shard

NOW = START + timedelta(days=10)
SETUP = ExperimentSetup("e1", None, (Stage(1.0, START.isoformat()),), {})
RULES = AttributionRules(is_interleaved=True)
ANNA, BEN, CLEO = USERS[:3]


@pytest.fixture
def look(tmp_path):
    """Return a function that merges logs in so many shards."""

    def take(exposures, outcomes=(), shards=1, now=NOW, share=None):
        sums = []
        for shard in range(shards):
            folders = write_shard(tmp_path / str(shard), (exposures, outcomes, []), shard, shards)
            sums.append(tmp_path / f"sums-{shard}")
            collect_pages(LogSource(*folders[:2], rules=RULES), SETUP, now, sums[-1])
        return merge_pages(sums, now, PreferencePlan(), share=share)

    return take


def order(request_id, position, kind="order", **changes):
    row = outcome(request_id, kind, item_id=f"i{position}", revenue=500, currency="USD", order_id=f"o{request_id}")
    return row | {"time": START} | changes


def test_each_user_has_one_vote(look):
    pages = [*page("r1", ANNA), *page("r2", ANNA), *page("r3", BEN), *page("r4", CLEO)]
    clicks = [click("r1", 1), click("r1", 2), click("r2", 4), click("r3", 1), click("r4", 3)]
    evidence = look(pages, clicks)
    assert evidence.users == {"all": 3, "with_pair": 3, "for_stable": 1, "for_candidate": 1}
    votes, shares, sums = (evidence.credits[name] for name in ("vote", "share", "sum"))
    assert (votes.users, votes.total, votes.squares) == (3, 0, 2)
    assert shares.total == pytest.approx(1 / 3 - 1) and shares.squares == pytest.approx(1 / 9 + 1)
    assert (sums.total, sums.squares, sums.largest) == (0, 2, 1)


def test_a_user_without_a_pair_is_a_zero(look):
    evidence = look([*page("r1", ANNA), *page("r2", BEN, (("none", -1),) * 3)], [click("r1", 2), click("r2", 1)])
    assert (evidence.users["all"], evidence.users["with_pair"], evidence.credits["vote"].total) == (2, 1, 1)
    assert evidence.pages == {"all": 2, "with_pair": 1}


def test_copies_and_late_clicks_count_for_nobody(look):
    pages = page("r1", ANNA)
    late = click("r1", 2, time=START + timedelta(days=2))
    evidence = look([*pages, *pages], [click("r1", 1), click("r1", 1), late, click("nobody", 1)])
    assert evidence.set_aside == {"duplicate": 5} and evidence.used == 5
    assert evidence.credits["sum"].total == -1
    assert evidence.accounts.outcomes_set_aside == {"copy": 1, "no exposure": 1, "too late": 1}


def test_a_bot_is_nobody(look):
    people = [row for number, user in enumerate(USERS) for row in page(f"p{number}", user)]
    bots = [row for number in range(OUTLIER_MINIMUM // 5 + 1) for row in page(f"b{number}", b"b" * 16)]
    evidence = look([*people, *bots], [click("b1", 2), click("p1", 1)])
    assert evidence.set_aside == {"bot": OUTLIER_MINIMUM + 5} and evidence.users["all"] == len(USERS)
    assert evidence.credits["vote"].total == -1


def test_refunds_take_money_and_no_vote(look):
    refund = order("r1", 2, "refund", time=START + timedelta(days=3))
    evidence = look([*page("r1", ANNA), *page("r2", BEN)], [order("r1", 2), refund, order("r2", 1)])
    assert (evidence.credits["orders"].total, evidence.credits["orders"].squares) == (0, 2)
    assert evidence.credits["revenue"].total == -500 and evidence.currency == "USD"


def test_other_rows_are_set_aside_by_reason(look):
    blank = contracts.NO_DRAFT
    rows = [
        *page("r1", ANNA),
        *page("r2", BEN, page_kind="fallback", team="none"),
        *page("r3", BEN, experiment_id="e2"),
        *page("r4", None),
        *page("r5", BEN, team="red"),
        *page("r6", BEN, time=START - timedelta(hours=1)),
        *page("r7", BEN, (("A", 0),), position=None),
        exposure("r8", BEN) | blank,
    ]
    evidence = look(rows)
    assert evidence.set_aside == {
        "another experiment": 5, "before it began": 5, "fallback page": 5, "no position": 1, "no team": 1, "no user": 5,
        "unknown team": 5,
    }  # fmt: skip
    assert evidence.used == 5 and evidence.accounts.exposures == 32 and evidence.fallback_pages == 1
    assert evidence.users["all"] == 1


def test_users_outside_the_share_are_set_aside(look):
    rows = [row for number, user in enumerate(USERS) for row in page(f"p{number}", user)]
    inside = sum(is_interleaved(user, 0.3) for user in USERS)
    evidence = look(rows, share=0.3)
    assert 0 < inside < len(USERS) and evidence.users["all"] == inside
    assert evidence.set_aside == {"outside the share": 5 * (len(USERS) - inside)}


def test_a_fallback_names_the_ranker_that_failed(look):
    versions = [("v1", None), ("v1", None), (None, "v2"), ("v1", "v2"), (None, None)]
    rows = [*page("r", ANNA)]
    for number, (stable, candidate) in enumerate(versions):
        names = {"stable_version": stable, "candidate_version": candidate}
        rows += page(f"f{number}", BEN, page_kind="fallback", team=None, **names)
    evidence = look(rows)
    assert evidence.fallback_pages == 5 and evidence.ranker_failures == {"stable": 1, "candidate": 2}


def test_shards_add_up_to_the_whole(look):
    rows = [row for number, user in enumerate(USERS) for n in "xyz" for row in page(f"{n}{number}", user)]
    outcomes = [click(f"x{number}", 1 + number % 5) for number in range(len(USERS))]
    outcomes += [order(f"y{number}", 1 + number % 2) for number in range(len(USERS))]
    whole = look(rows, outcomes)
    parts = look(rows, outcomes, shards=3)
    assert replace(parts, bets=whole.bets) == whole and parts.bets.p_value == whole.bets.p_value


def test_one_order_id_in_two_shards_counts_once(look):
    rows = [*page("r1", ANNA), *page("r2", ANNA)]
    evidence = look(rows, [order("r1", 2, order_id="o"), order("r2", 2, order_id="o")], shards=2)
    assert evidence.credits["revenue"].total == 500 and evidence.accounts.orders_set_aside == {"copy": 1}


def test_later_visits_toss_no_coin(look):
    visits = [row for n in range(9) for row in page(f"r{n}", ANNA, time=START + timedelta(minutes=n))]
    coins = look([*visits, *page("s", BEN, turned())]).coins
    assert (coins.users, coins.stable_first, coins.impressions.total) == (2, 1, 0)
    assert coins.reciprocal_ranks.total == pytest.approx(0)
    assert coins.reciprocal_ranks.largest == pytest.approx(1 / 1 + 1 / 5 - 1 / 2 - 1 / 4)


def test_another_query_or_day_is_another_draft(look):
    visits = [
        *page("r1", ANNA),
        *page("r2", ANNA, turned(), query="Blue Hat"),
        *page("r3", ANNA, turned(), time=START + timedelta(days=1)),
        *page("r4", ANNA, turned(), query="blue hat "),
    ]
    one_page = look(page("r1", ANNA)).coins.reciprocal_ranks.total
    coins = look(visits).coins
    assert coins.reciprocal_ranks.total == pytest.approx(-one_page) and coins.stable_first == 1


def test_a_cut_pair_has_one_side(look):
    coins = look(page("r1", ANNA, (*PAGE[:3], ("B", 1)))).coins
    assert coins.impressions.total == 1


def test_bets_wait_until_users_are_over(look):
    late = START + timedelta(days=9)
    rows = [*page("r1", ANNA), *page("r2", BEN, time=late), *page("r3", ANNA, time=late)]
    evidence = look(rows, [click("r1", 2), click("r2", 1, time=late), click("r3", 1, time=late)])
    assert evidence.bets.users == 1 and evidence.bets.log_up > 0  # Anna's first day alone
    assert evidence.credits["vote"].squares == 1
