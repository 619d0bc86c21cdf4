"""What the command decides on a shop's logs: each case once went wrong somewhere, and pandas has the right figure."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.experiment.analyse import main

pytestmark = pytest.mark.slow  # analyses logs of thousands of users, over and over

TIME = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OUTCOMES = pa.schema(
    [("time", pa.timestamp("us", "UTC")), ("request_id", pa.string()), ("item_id", pa.string()), ("kind", pa.string())]
    + [("order_id", pa.string()), ("revenue", pa.int64()), ("currency", pa.string()), ("grade", pa.float32())]
)
PLAN = {"minimum_users": 500, "dwell_seconds": 0, "horizon_users": 5000, "shares": [0.5]}


def find_arm(row):
    return ("control", "treatment")[int(row["request_id"][1:]) % 2]


def make_logs(users=3000, buyers=0.2, lift=1.0):
    """Every user sees one item; odd users are treated and order `lift` times as often."""
    rng = np.random.default_rng(4)
    exposures = []
    orders = []
    for number in range(users):
        time = TIME + timedelta(minutes=int(rng.integers(60 * 24 * 6)))
        row = {"time": time, "request_id": f"u{number}", "item_id": "i1", "user_hash": f"user {number}"}
        arm = find_arm(row)
        exposures.append(row | {"assigned_arm": arm, "version": {"control": "v1", "treatment": "v2"}[arm]})
        if rng.random() < buyers * (lift if arm == "treatment" else 1):
            orders.append(order(row, int(rng.integers(500, 6000)), time + HOUR / 4))
    return exposures, orders


def order(row, revenue, time, kind="order", currency="EUR"):
    ids = {"request_id": row["request_id"], "item_id": row["item_id"], "order_id": None}
    return ids | {"time": time, "kind": kind, "revenue": revenue, "currency": currency, "grade": None}


@pytest.fixture
def analyse(tmp_path):
    def run(exposures, outcomes, *options, **plan):
        for name, table in (
            ("exposures", pa.Table.from_pylist(exposures)),
            ("outcomes", pa.Table.from_pylist(outcomes, schema=OUTCOMES)),
        ):
            (tmp_path / name).mkdir(exist_ok=True)
            pq.write_table(table, tmp_path / name / "part.parquet")
        (tmp_path / "plan.json").write_text(json.dumps(PLAN | plan))
        folders = [f"--{name}={tmp_path / name}" for name in ("exposures", "outcomes", "out")]
        assert main([*folders, f"--plan={tmp_path / 'plan.json'}", *options]) == 0
        return json.loads((tmp_path / "out" / "analysis.json").read_text())

    return run


def net_lift(exposures, rows):
    """Return the relative lift of net revenue an exposure, with refunds as negative amounts."""
    income = (
        pd.DataFrame([{"arm": find_arm(row), "revenue": row["revenue"]} for row in rows]).groupby("arm").revenue.sum()
    )
    pages = pd.DataFrame(exposures).groupby("assigned_arm").size()
    rates = income / pages
    return rates["treatment"] / rates["control"] - 1


def test_a_date_counts_on_its_exposures_day(analyse, capsys):
    exposures, orders = make_logs()
    expected = analyse(exposures, orders)["figures"]["rpm_lift"]
    dates = [row | {"time": row["time"].replace(hour=0, minute=0)} for row in orders]
    look = analyse(exposures, dates)
    assert look["figures"]["rpm_lift"] == pytest.approx(expected) and not look["outcomes_set_aside"]
    assert "note: outcomes.time has dates without a time" in capsys.readouterr().out
    earlier = [row | {"time": row["time"] - 2 * DAY} for row in dates]
    assert analyse(exposures, earlier)["outcomes_set_aside"] == {"too early": len(orders)}


def test_local_times_count_by_their_zone(analyse):
    exposures, orders = make_logs(users=400)
    change = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # when Berlin's clocks go from 3 to 2
    local_exposures = []
    for number, row in enumerate(exposures):
        time = (change + (number - 200) * HOUR / 60).astimezone(ZoneInfo("Europe/Berlin"))
        local_exposures.append(row | {"time": time.strftime("%Y-%m-%d %H:%M:%S")})
    times = {row["request_id"]: change + (number - 200) * HOUR / 60 for number, row in enumerate(exposures)}
    rows = [row | {"time": times[row["request_id"]] + HOUR / 60} for row in orders]
    look = analyse(local_exposures, rows, "--zone=Europe/Berlin", minimum_users=100)
    assert look["outcomes_used"] == len(orders) and not look["set_aside"]


def test_an_unknown_zone_is_refused(analyse, capsys):
    with pytest.raises(SystemExit):
        analyse(*make_logs(users=10), "--zone=Berlin")
    sentence = "--zone is Berlin: give a name of the IANA time zones, as Europe/Berlin"
    assert f"error: {sentence}\n" in capsys.readouterr().err


def test_a_refunded_win_is_rolled_back(analyse):
    exposures, orders = make_logs(lift=2.0)
    treated_orders = [row for row in orders if find_arm(row) == "treatment"]
    refunds = [
        row | {"time": row["time"] + DAY, "revenue": -row["revenue"]}
        for row in treated_orders[: 4 * len(treated_orders) // 5]
    ]
    look = analyse(exposures, orders + refunds, revenue_cap_quantile=1.0)
    assert look["verdict"] == "roll back"
    assert look["figures"]["rpm_lift"]["estimate"] == pytest.approx(net_lift(exposures, orders + refunds))
    assert look["figures"]["arms"]["treatment"]["refunds"] == len(refunds)


def test_a_candidate_that_sells_nothing_is_rolled_back(analyse):
    exposures, orders = make_logs()
    look = analyse(exposures, [row for row in orders if find_arm(row) == "control"])
    assert look["verdict"] == "roll back" and "the candidate sells far less: 0 of 1,500 users" in look["reason"]
    assert look["figures"]["rpm_lift"]["estimate"] == -1
    assert look["figures"]["rpm_lift"]["high"] < 0
    first = analyse(
        exposures, [row for row in orders if find_arm(row) == "control"], minimum_users=20_000, horizon_users=2_000_000
    )
    assert first["verdict"] == "roll back"


def test_a_control_that_sells_nothing_is_a_fault(analyse):
    exposures, orders = make_logs()
    treated_orders = [row for row in orders if find_arm(row) == "treatment"]
    look = analyse(exposures, treated_orders)
    counts = f"control sold nothing among 1,500 users while treatment sold {len(treated_orders)}"
    assert look["verdict"] == "inconclusive"
    assert look["reason"] == f"{counts}: check whether control's orders are logged"


def test_one_order_is_no_reason_to_promote(analyse):
    exposures, orders = make_logs()
    look = analyse(exposures, [next(row for row in orders if find_arm(row) == "treatment")])
    assert (
        look["verdict"] == "continue" and look["figures"]["rpm_lift"]["low"] < 0 < look["figures"]["rpm_lift"]["high"]
    )


def test_nothing_sold_anywhere_is_no_answer(analyse):
    exposures, _ = make_logs()
    look = analyse(exposures, [])
    assert look["verdict"] == "continue" and "nothing was sold in either arm" in look["reason"]
    assert look["figures"]["rpm_lift"] is None


@pytest.mark.parametrize("minimum_users", [500, 20_000])
def test_unmatched_outcomes_are_the_reason(analyse, capsys, minimum_users):
    exposures, orders = make_logs()
    look = analyse(exposures, [row | {"request_id": "?"} for row in orders], minimum_users=minimum_users)
    reason = "no interval can be drawn: 100% of outcomes match no exposure: compare request_id and item_id of both logs"
    assert look["verdict"] == "continue" and look["reason"].endswith(reason)
    assert f"RPM: {reason}\n" in capsys.readouterr().out


def test_unknown_kinds_are_the_reason(analyse):
    exposures, orders = make_logs()
    clicks = [order(row, None, row["time"], "select_item") for row in exposures]
    look = analyse(exposures, clicks + [row | {"kind": "Order_Completed"} for row in orders])
    share = "100% of outcomes are of kinds that are not known"
    assert look["reason"].endswith(f"{share}: map them, as in --kinds order=order_completed,click=select_item")


def test_late_orders_do_not_count_for_timely_clicks(analyse):
    exposures, orders = make_logs()
    late_orders = [row | {"time": row["time"] + 3 * DAY} for row in orders]
    clicks = [
        row | {"kind": "click", "revenue": None, "currency": None} for row in orders if find_arm(row) == "treatment"
    ]
    look = analyse(exposures, late_orders + clicks)
    assert (
        look["verdict"] == "inconclusive"
        and "100.0% of the orders and refunds do not count (too late)" in look["reason"]
    )
    assert (
        look["figures"]["no_lift_reason"] == f"none of {len(orders)} orders and refunds counts (too late {len(orders)})"
    )
    look = analyse(exposures, late_orders + clicks, "--window-days=7", revenue_cap_quantile=1.0)
    assert look["figures"]["rpm_lift"]["estimate"] == pytest.approx(net_lift(exposures, orders))


def test_net_losses_keep_the_sign_of_the_lift(analyse):
    exposures, orders = make_logs(buyers=0.9)
    share = {"control": 2.0, "treatment": 1.5}
    refunds = [
        row | {"kind": "refund", "time": row["time"] + DAY, "revenue": round(share[find_arm(row)] * row["revenue"])}
        for row in orders
    ]
    look = analyse(exposures, orders + refunds)
    lift = look["figures"]["rpm_lift"]
    assert (look["verdict"], lift["difference_type"]) == ("promote", "absolute")
    assert lift["low"] > 0 > lift["control"] and "control's RPM" in look["reason"]


def test_many_orders_in_another_currency_are_inconclusive(analyse):
    exposures, orders = make_logs()
    foreign = [row | {"currency": "GBP"} if number % 5 == 0 else row for number, row in enumerate(orders)]
    look = analyse(exposures, foreign)
    assert look["verdict"] == "inconclusive"
    assert "do not count (another currency): convert it to one currency" in look["reason"]


def test_the_settings_currency_counts_without_a_plans(analyse, monkeypatch):
    monkeypatch.setenv("BROADFAST_CURRENCY", "GBP")
    exposures, orders = make_logs(users=200)
    rows = [orders[0] | {"currency": "GBP"}, *orders[1:]]
    by_setting = analyse(exposures, rows)
    assert (by_setting["currency"], by_setting["outcomes_used"]) == ("GBP", 1)
    by_plan = analyse(exposures, rows, currency="EUR")
    assert (by_plan["currency"], by_plan["outcomes_used"]) == ("EUR", len(rows) - 1)


def test_stray_rows_end_no_look(analyse):
    exposures, orders = make_logs()
    expected = analyse(exposures, orders)
    stray = exposures[0] | {"request_id": "x1"}
    strays = [
        stray | {"assigned_arm": "B"},
        stray | {"time": None, "request_id": "x2"},
        stray | {"user_hash": None, "request_id": "x3"},
    ]
    rows = [
        orders[0] | change
        for change in ({"currency": "usd"}, {"kind": "view"}, {"revenue": None}, {"time": TIME - 9 * DAY})
    ]
    look = analyse(exposures + strays, orders + rows)
    assert look["figures"]["rpm_lift"] == pytest.approx(expected["figures"]["rpm_lift"])
    assert look["set_aside"] == {"no time": 1, "no user": 1, "unknown arm": 1}
    assert sum(look["outcomes_set_aside"].values()) == 4


def test_unknown_kinds_are_named_and_mapped(analyse, capsys):
    exposures, orders = make_logs()
    purchases = [row | {"kind": "purchase"} for row in orders]
    analyse(exposures, purchases)
    assert f"purchase ({len(orders)})" in capsys.readouterr().out
    look = analyse(exposures, purchases, "--kinds=order=purchase", revenue_cap_quantile=1.0)
    assert look["figures"]["rpm_lift"]["estimate"] == pytest.approx(net_lift(exposures, orders))


def test_early_outcomes_are_named_with_their_share(analyse, capsys):
    exposures, orders = make_logs()
    analyse(exposures, [row | {"time": row["time"] - 2 * HOUR} for row in orders])
    assert (
        f"note: {len(orders)} (100.0%) of the outcomes do not count because they are earlier" in capsys.readouterr().out
    )
