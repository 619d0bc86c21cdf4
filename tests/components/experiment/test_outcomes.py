"""Which outcome rows count: refunds, copies, late and early rows, other currencies and kinds."""

from datetime import timedelta

import pytest

from components.experiment.records import AttributionRules
from tests.components.experiment.log_rows import CONTROL, LATER, TREATED, exposure, outcome
from tests.components.experiment.net_revenue import net_revenue

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def order(request_id="r1", revenue=500, currency="USD", **changes):
    return outcome(request_id, revenue=revenue, currency=currency, **{"kind": "order"} | changes)


def refund(revenue=200, time=LATER + DAY, **changes):
    return order(revenue=revenue, time=time, kind="refund", **changes)


def total(users, name="revenue"):
    return sum(user[name] for user in users)


REFUNDS = {
    "kind refund": [refund()],
    "kind refund, negative": [refund(-200)],
    "order row, negative": [order(revenue=-200, time=LATER + DAY)],
    "a day before the window ends": [refund(time=LATER + 29 * DAY)],
    "sent twice": [refund(), refund()],
}


@pytest.mark.parametrize("rows", REFUNDS.values(), ids=REFUNDS)
def test_a_refund_is_taken_off_its_order(look, rows):
    exposures = [exposure()]
    evidence, users = look(exposures, [order(), *rows])
    assert (total(users), total(users, "orders"), total(users, "refunds")) == (300, 1, 1)
    assert {CONTROL: total(users)} == net_revenue(exposures, [order(), *rows])
    assert total(users, "refunded") == 200


UNRELATED = {
    "too late": (refund(time=LATER + 31 * DAY), "too late"),
    "before its order": (refund(time=LATER - HOUR), "too early"),
    "of another item": (refund(item_id="i2"), "refund of no counted order"),
    "of another order": (refund(order_id="o2"), "refund of no counted order"),
    "in another currency": (refund(currency="EUR"), "refund of no counted order"),
    "without an amount": (refund(revenue=None), "no amount"),
}


@pytest.mark.parametrize(("row", "reason"), UNRELATED.values(), ids=UNRELATED)
def test_refunds_without_a_counted_order_are_unused(look, row, reason):
    evidence, users = look([exposure()], [order(order_id="o1"), row])
    assert total(users) == 500 and evidence.accounts.outcomes_set_aside == {reason: 1}


def test_a_late_orders_refund_is_unused(look):
    evidence, users = look([exposure()], [order(time=LATER + 3 * DAY), refund(time=LATER + 4 * DAY)])
    assert total(users) == 0
    assert evidence.accounts.outcomes_set_aside == {"refund of no counted order": 1, "too late": 1}


def test_a_refund_finds_its_order_by_its_id(look):
    rows = [order(order_id="o1"), refund(order_id="o1", request_id="r9", item_id=None)]
    assert total(look([exposure()], rows)[1]) == 300


def test_partial_refunds_of_an_order_add_up(look):
    rows = [order(order_id="o1"), refund(100, order_id="o1"), refund(50, order_id="o1")]
    assert total(look([exposure()], rows)[1]) == 350


def test_two_orders_of_an_item_are_two(look):
    exposures = [exposure()]
    rows = [order(order_id="o1"), order(order_id="o2"), order(order_id="o2", time=LATER + HOUR)]
    evidence, users = look(exposures, rows)
    assert (total(users), total(users, "orders")) == (1000, 2)
    assert net_revenue(exposures, rows) == {CONTROL: 1000}
    assert evidence.accounts.outcomes_set_aside == {"copy": 1}


@pytest.mark.parametrize("shards", [1, 4])
def test_an_order_logged_for_two_pages_counts_once(look, shards):
    exposures = [exposure("r1"), exposure("r2")]
    rows = [order("r1", order_id="o1"), order("r2", order_id="o1", time=LATER + HOUR)]
    evidence, users = look(exposures, rows, shards=shards)
    assert total(users) == 500 and evidence.accounts.outcomes_set_aside == {"copy": 1}


@pytest.mark.parametrize(("days", "reasons"), [(0, {}), (-1, {"too early": 1}), (1, {}), (2, {"too late": 1})])
def test_a_date_is_some_time_on_its_day(look, days, reasons):
    midnight = LATER.replace(hour=0, minute=0)
    evidence, _ = look([exposure(time=LATER)], [order(time=midnight + days * DAY)])
    assert evidence.accounts.outcomes_set_aside == reasons


def test_a_date_admits_no_clock_skew(look):
    midnight = LATER.replace(hour=0, minute=0)
    evidence, _ = look([exposure(time=midnight + HOUR / 60)], [order(time=midnight - DAY)])
    assert evidence.accounts.outcomes_set_aside == {"too early": 1}


def test_a_timely_click_does_not_admit_late_orders(look):
    rows = [outcome(), order(time=LATER + 2 * DAY)]
    evidence, users = look([exposure()], rows)
    assert (total(users), total(users, "clicks")) == (0, 1)
    assert evidence.accounts.outcomes_set_aside == {"too late": 1}


def test_an_early_click_does_not_erase_an_order(look):
    rows = [outcome(time=LATER - HOUR), order()]
    evidence, users = look([exposure()], rows)
    assert (total(users), total(users, "clicks")) == (500, 0)
    assert evidence.accounts.outcomes_set_aside == {"too early": 1}


def test_an_early_copy_does_not_shadow_an_order(look):
    rows = [order(revenue=999, time=LATER - HOUR), order()]
    assert total(look([exposure()], rows)[1]) == 500


def test_the_outcome_window_can_be_longer(look):
    rules = AttributionRules(outcome_window=7 * DAY)
    assert total(look([exposure()], [order(time=LATER + 3 * DAY)], rules=rules)[1]) == 500


def test_foreign_orders_are_set_aside_and_counted(look):
    exposures = [exposure("r1"), exposure("r2", TREATED), exposure("r3")]
    rows = [order("r1", currency="eur"), order("r2", currency="EUR"), order("r3", 9_999, "GBP"), order("r9", 1, "JPY")]
    evidence, users = look(exposures, rows)
    assert evidence.currency == "EUR"
    assert evidence.accounts.outcomes_set_aside == {"another currency": 1, "no exposure": 1}
    assert {user["user_hash"]: user["revenue"] for user in users} == {CONTROL: 500, TREATED: 500}
    assert net_revenue(exposures, rows, "EUR") == {CONTROL: 500, TREATED: 500}


@pytest.mark.parametrize("revenue", [None, 10**15, -(10**18)])
def test_amounts_that_are_none_are_noted(look, revenue):
    evidence, users = look([exposure("r1"), exposure("r2")], [order("r1"), order("r2", revenue)])
    assert total(users) == 500 and evidence.accounts.outcomes_set_aside == {"no amount": 1}
    assert "1 orders and refunds do not count because their revenue is no plausible number" in evidence.notes[0]


def test_a_foreign_refund_is_unused(look):
    exposures = [exposure("r1"), exposure("r2")]
    evidence, users = look(exposures, [order("r1", currency=None), order("r2"), refund(currency="JPY")])
    assert total(users) == 1000 and evidence.accounts.outcomes_set_aside == {"another currency": 1}


@pytest.mark.parametrize("order_id", ["o1", None])
def test_a_copy_without_a_currency_is_a_copy(look, order_id):
    rows = [order(order_id=order_id), order(order_id=order_id, currency=None)]
    evidence, users = look([exposure()], rows)
    assert total(users) == 500 and evidence.accounts.outcomes_set_aside == {"copy": 1}


def test_of_copies_at_one_time_the_largest_counts(look):
    assert total(look([exposure()], [order(revenue=1), order(revenue=3), order(revenue=2)])[1]) == 3


def test_unknown_kinds_are_counted_by_name(look):
    evidence, users = look([exposure()], [outcome(kind="purchase"), outcome(kind="view"), outcome(kind="view")])
    assert evidence.accounts.unknown_kinds == {"view": 2, "purchase": 1}
    assert "view (2), purchase (1)" in evidence.notes[0] and "--kinds order=purchase" in evidence.notes[0]


def test_kinds_can_be_mapped(look):
    rules = AttributionRules(kinds={"Purchase": "order"})
    evidence, users = look([exposure()], [order(kind="purchase")], rules=rules)
    assert total(users) == 500 and not evidence.accounts.outcomes_set_aside


def test_rows_without_an_item_are_no_copies(look):
    exposures = [exposure("r1", item_id=None), exposure("r1", item_id=None), exposure("r2")]
    evidence, users = look(exposures, [outcome("r1", item_id=None), outcome("r1", item_id=None)])
    assert (evidence.accounts.duplicates, evidence.used) == (0, 3)
    assert evidence.accounts.outcomes_set_aside == {"no exposure": 2}


def test_every_outcome_is_used_or_has_a_reason(look):
    rows = [outcome(), outcome(), order(), refund(), outcome("r9"), outcome(kind="view"), outcome(time=None)]
    document = look([exposure()], rows)[0].to_json()
    assert document["outcomes"] == 7 and document["outcomes_used"] == 3
    assert document["outcomes_set_aside"] == {"copy": 1, "no exposure": 1, "no time": 1, "unknown kind": 1}
