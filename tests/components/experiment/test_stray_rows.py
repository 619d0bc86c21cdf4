"""Properties of a look at generated logs: rows that belong to nothing change no figure, and all counts add up."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.experiment.aggregate import LogSource, collect
from components.experiment.look import evaluate
from components.experiment.plan import ExperimentPlan
from tests.components.experiment.log_rows import LATER, NOW, SETUP, USERS, exposure, outcome, write_shard
from tests.components.experiment.net_revenue import net_revenue

pytestmark = pytest.mark.slow  # takes forty looks at logs

PLAN = ExperimentPlan(shares=(0.0, 0.5), minimum_users=5, dwell_seconds=0)
EXPOSURES = [exposure(f"r{n}", user) for n, user in enumerate(USERS)]
ORDERS = [
    outcome(f"r{n}", "order", order_id=f"o{n}", revenue=100 + 7 * n, currency="USD") for n in range(0, len(USERS), 2)
]
REFUNDS = [
    ORDERS[n] | {"kind": "refund", "time": LATER + timedelta(days=2), "revenue": 50} for n in range(0, len(ORDERS), 5)
]
OUTCOMES = [*ORDERS, *REFUNDS, *(outcome(f"r{n}") for n in range(0, len(USERS), 3))]


def take_look(exposures, outcomes):
    """Return the verdict and users' net revenue."""
    with TemporaryDirectory() as work:
        folder = Path(work)
        folders = write_shard(folder / "logs", (exposures, outcomes, []))
        collect(LogSource(*folders), SETUP, NOW, folder / "sums")
        result = evaluate(folder, [folder / "sums"], SETUP, NOW, PLAN)
        users = pq.read_table(folder / "users.parquet").to_pylist()
    return result, {user["user_hash"]: user["revenue"] for user in users}


def assert_counts_add_up(document, outcomes):
    assert document["exposures"] == document["used"] + sum(document["set_aside"].values())
    assert len(outcomes) == document["outcomes"]
    assert document["outcomes"] == document["outcomes_used"] + sum(document["outcomes_set_aside"].values())


@pytest.fixture(scope="module")
def clean_figures():
    return take_look(EXPOSURES, OUTCOMES)[0].figures.to_json()


amounts = st.integers(-10_000, 10_000) | st.none()
requests = st.sampled_from([row["request_id"] for row in EXPOSURES])
kinds = st.sampled_from(["order", "refund", "click", "grade"])
money = {"revenue": amounts, "order_id": st.sampled_from(["o0", "o2", None])}


def row(**fields):
    return st.fixed_dictionaries(fields).map(lambda values: outcome() | {"grade": None} | values)


of_nobody = row(request_id=st.sampled_from(["nobody", "r-1"]), kind=kinds, currency=st.just("USD"), revenue=amounts)
foreign = row(request_id=requests, kind=st.sampled_from(["order", "refund"]), currency=st.just("JPY"), **money)
unknown = row(request_id=requests, kind=st.sampled_from(["purchase", "view", ""]), currency=st.just("USD"), **money)
delays = st.sampled_from([timedelta(days=-400), timedelta(minutes=-6), timedelta(days=40), timedelta(days=4000)])
mistimed = row(
    request_id=requests, kind=kinds, currency=st.just("USD"), time=delays.map(lambda delay: LATER + delay), **money
)


@settings(max_examples=20, deadline=None)
@given(st.lists(of_nobody | foreign | unknown | mistimed, max_size=15))
def test_stray_rows_change_no_figure(clean_figures, strays):
    result, _ = take_look(EXPOSURES, [*OUTCOMES, *strays])
    figures = result.figures.to_json()
    expected = clean_figures | {"log_quality": figures["log_quality"]}
    assert round_floats(figures) == round_floats(expected)
    assert_counts_add_up(result.to_json(), [*OUTCOMES, *strays])


def round_floats(value):
    """Round, for sums in another order differ in their last digits."""
    if isinstance(value, dict):
        return {name: round_floats(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [round_floats(part) for part in value]
    return float(np.format_float_scientific(value, 8)) if isinstance(value, float) else value


times = st.integers(-60, 60 * 24 * 40).map(lambda minutes: LATER + timedelta(minutes=minutes))
any_order = row(
    request_id=requests,
    kind=st.sampled_from(["order", "order", "refund"]),
    currency=st.sampled_from(["USD", "usd", None]),
    order_id=st.sampled_from(["o1", "o2", None]),
    revenue=st.integers(1, 5),
    time=times,
)


def test_a_refund_may_name_its_orders_currency():
    order = outcome("r0", "order", order_id="o1", revenue=3) | {"currency": None}
    refund = order | {"kind": "refund", "currency": "USD", "revenue": 1}
    _, revenue = take_look(EXPOSURES, [order, refund])
    assert sum(revenue.values()) == 2


@settings(max_examples=20, deadline=None)
@given(st.lists(any_order, min_size=1, max_size=25))
def test_net_revenue_is_that_of_pandas(outcomes):
    outcomes = [row | {"order_id": row["order_id"] and f"{row['request_id']}-{row['order_id']}"} for row in outcomes]
    result, revenue = take_look(EXPOSURES, outcomes)
    expected = net_revenue(EXPOSURES, outcomes)
    assert {user: total for user, total in revenue.items() if total} == {
        user: total for user, total in expected.items() if total
    }
    assert_counts_add_up(result.to_json(), outcomes)
