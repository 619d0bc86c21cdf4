"""From logs to users' sums: every exposure is used or set aside for a reason, and every arm is computed again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from components.experiment.people import OUTLIER_MINIMUM
from components.release_state import Stage
from tests.components.experiment.log_rows import (
    CONTROL,
    LATER,
    NOW,
    SETUP,
    SPLIT,
    START,
    TREATED,
    USERS,
    exposure,
    outcome,
    request,
)


def test_a_users_outcomes_are_summed_in_its_arm(look):
    outcomes = [outcome(), outcome(kind="order", revenue=500, currency="USD"), outcome(kind="grade", grade=0.5)]
    evidence, users = look([exposure(), exposure(item_id="i2")], outcomes)
    assert evidence.used == 2 and not evidence.set_aside and evidence.currency == "USD"
    row = {"exposures": 2, "revenue": 500, "grades": 0.5, "graded": 1, "clicks": 1, "orders": 1}
    before = {f"pre_{name}": 0 for name in row}
    refunds = {"refunds": 0, "refunded": 0}
    assert users == [{"user_hash": CONTROL, "arm": "control"} | row | refunds | before]


def test_rows_logged_twice_count_once(look):
    evidence, users = look([exposure(), exposure()], [outcome(kind="order", revenue=500, currency="USD")] * 2)
    assert evidence.set_aside == {"duplicate": 1}
    assert evidence.to_json()["outcome_copies"] == 1
    assert (users[0]["exposures"], users[0]["revenue"]) == (1, 500)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("no arm", {"assigned_arm": None}),
        ("no arm", {"experiment_id": ""}),
        ("another experiment", {"experiment_id": "e0"}),
        ("no user", {"user": None}),
        ("no time", {"time": None}),
        ("after this look", {"time": NOW + timedelta(seconds=1)}),
        ("before it began", {"time": START - timedelta(seconds=1)}),
        ("pre-period", {"time": START + timedelta(minutes=5)}),
        ("arm disagrees", {"assigned_arm": "treatment"}),
    ],
)
def test_every_unused_exposure_has_a_reason(look, reason, changes):
    evidence, _ = look([exposure(), exposure("r2", **changes)])
    assert evidence.set_aside == {reason: 1}
    assert evidence.accounts.exposures == evidence.used + 1 == 2


def test_a_wrong_logged_arm_is_a_disagreement(look):
    evidence, _ = look([exposure(user=TREATED, assigned_arm="control")])
    assert evidence.disagreements == 1 and evidence.users_set_aside == {"arm disagrees": 1}


def test_callers_may_follow_an_old_share_briefly(look):
    early = exposure("r29", TREATED, SPLIT + timedelta(seconds=29), assigned_arm="control")
    late = exposure("r31", TREATED, SPLIT + timedelta(seconds=31), assigned_arm="control")
    evidence, _ = look([early, late])
    assert evidence.set_aside == {"arm disagrees": 1, "earlier share": 1}


def test_a_users_pre_period_is_summed_separately(look):
    _, users = look([exposure("r1", TREATED, START + timedelta(minutes=5)), exposure("r2", TREATED)])
    assert [(row["arm"], row["exposures"], row["pre_exposures"]) for row in users] == [("treatment", 1, 1)]


@pytest.mark.parametrize("draft", [{"team": "A", "page_kind": "interleaved"}, {"page_kind": "fallback"}])
def test_interleaved_pages_are_no_pre_period(look, draft):
    early = exposure("r1", TREATED, START + timedelta(minutes=5), **draft)
    evidence, users = look([early, exposure("r2", TREATED), exposure("r3", TREATED, **draft)], [outcome("r3")])
    assert [(row["exposures"], row["pre_exposures"], row["clicks"]) for row in users] == [(1, 0, 0)]
    assert evidence.set_aside == {"interleaved page": 2} and evidence.used == 1


def test_a_team_of_other_logs_is_no_draft(look):
    assert look([exposure(user=TREATED, team="search quality", page_kind="search")])[0].set_aside == {}


def test_users_of_the_pre_period_alone_are_unused(look):
    assert look([exposure("r1", TREATED, START + timedelta(minutes=5))])[1] == []


def test_a_user_with_1000_exposures_is_a_bot(look):
    people = [exposure(f"p{n}", user) for n, user in enumerate(USERS)]
    evidence, _ = look([*people, *(exposure(f"b{n}") for n in range(OUTLIER_MINIMUM + 1))])
    assert evidence.set_aside == {"bot": OUTLIER_MINIMUM + 2} and evidence.users_set_aside == {"bot": 1}


def test_without_salt_users_of_both_arms_are_unused(look):
    rows = [exposure("r1"), exposure("r2", assigned_arm="treatment"), exposure("r3", TREATED)]
    evidence, users = look(rows, setup=replace(SETUP, salt=None))
    assert evidence.set_aside == {"seen in both arms": 2} and [row["user_hash"] for row in users] == [TREATED]


def test_crossover_is_the_share_of_other_versions(look):
    evidence, _ = look([exposure("r1", TREATED), exposure("r2", TREATED, version="v1"), exposure("r3")])
    assert evidence.crossover == {"control": 0.0, "treatment": 0.5}


@pytest.mark.parametrize(
    ("delay", "name"), [(timedelta(hours=25), "late_outcomes"), (-timedelta(hours=1), "skewed_outcomes")]
)
def test_outcomes_far_from_their_exposure_do_not_count(look, delay, name):
    evidence, users = look([exposure()], [outcome(time=LATER + delay)])
    assert evidence.to_json()[name] == 1 and users[0]["clicks"] == 0


def test_rankers_are_compared_while_pages_are_interleaved(look):
    slow = request("r1/candidate", "v2", assigned_arm="interleave", latency_ms=100.0)
    late = request("r2/candidate", "v2", assigned_arm="interleave", status=504)
    rankers = [request("r1/stable", assigned_arm="interleave"), slow, late]
    direct = request("r3", latency_ms=1000.0)  # of users outside the share
    interleaved = replace(SETUP, stages=(Stage(0.0, START.isoformat(), 0.2),))
    requests = look(requests=[*rankers, direct], setup=interleaved)[0].requests
    assert {version: summary.requests for version, summary in requests.items()} == {"v1": 1, "v2": 2}
    assert requests["v2"].latency_p99_ms == pytest.approx(100.0, rel=0.01) and requests["v2"].error_rate == 0.5
    assert look(requests=[*rankers, direct])[0].requests.keys() == {"v1"}


def test_requests_count_once_and_p99_is_precise(look):
    requests = [request(), request(), request("r2", status=503), request("r3", latency_ms=100.0, items=0)]
    summary = look(requests=requests)[0].requests["v1"]
    assert (summary.requests, summary.error_rate) == (3, pytest.approx(1 / 3))
    assert summary.latency_p99_ms == pytest.approx(100.0, rel=0.006) and summary.null_result_rate == 0.5


def test_shards_add_up_to_the_whole(look, tmp_path):
    rows = [exposure(f"r{n}", user) for n, user in enumerate(USERS * 3)] + [exposure("r1", USERS[1])]
    orders = [outcome(f"r{n}", "order", revenue=n, currency="USD") for n in range(0, 120, 7)]
    evidence, users = look(rows, orders)
    evidence_of_shards, users_of_shards = look(rows, orders, shards=4)
    assert evidence == evidence_of_shards
    assert sorted(users, key=str) == sorted(users_of_shards, key=str)


def test_grades_that_are_no_numbers_do_not_count(look):
    outcomes = [outcome(kind="order", revenue=5, currency="USD"), outcome(kind="grade", grade=float("nan"))]
    _, users = look([exposure()], outcomes)
    assert (users[0]["revenue"], users[0]["grades"], users[0]["graded"]) == (5, 0, 0)


def test_orders_in_another_currency_do_not_count(look):
    orders = [
        outcome(f"r{n}", "order", revenue=5, currency=currency) for n, currency in enumerate(("usd", "USD", "EUR"))
    ]
    evidence, users = look([exposure(f"r{n}") for n in range(3)], orders)
    assert evidence.currency == "USD" and evidence.accounts.outcomes_set_aside == {"another currency": 1}
    assert (users[0]["revenue"], users[0]["orders"]) == (10, 2)
