"""From logs to users' sums: every exposure is used or set aside for a reason, and every arm is computed again."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from components import contracts
from components.experiment.assignment import arm, user_hash
from components.experiment.metrics import BOT_REQUESTS_AN_HOUR, collect

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SPLIT = START + timedelta(hours=1)
NOW = START + timedelta(hours=2)
LATER = SPLIT + timedelta(minutes=20)
EXPERIMENT = {
    "experiment_id": "e1",
    "salt": "e1",
    "stages": [{"share": 0.0, "started": START.isoformat()}, {"share": 0.5, "started": SPLIT.isoformat()}],
    "versions": {"control": "v1", "treatment": "v2"},
    "looks": 0,
}
USERS = [user_hash("secret", f"u{number}") for number in range(40)]
TREATED = next(user for user in USERS if arm(user, "e1", 0.5) == "treatment")
CONTROL = next(user for user in USERS if arm(user, "e1", 0.5) == "control")
NAMES = {"query_id": "q", "query": "red shoe", "locale": "us", "query_class": "head", "category": "Shoes"}


def exposure(request_id="r1", user=CONTROL, time=LATER, **changed):
    treated = user is not None and time >= SPLIT and arm(user, "e1", 0.5) == "treatment"
    row = {"time": time, "request_id": request_id, "experiment_id": "e1", "user_hash": user, "item_id": "i1"}
    row |= {"assigned_arm": "treatment" if treated else "control", "version": "v2" if treated else "v1"}
    return row | NAMES | {"position": 1, "score": 0.5, "stale": False} | changed


def outcome(request_id="r1", kind="click", **changed):
    row = {"time": LATER, "request_id": request_id, "item_id": "i1", "kind": kind}
    return row | {"revenue": None, "currency": None, "grade": None} | changed


def request(request_id="r1", version="v1", time=LATER, **changed):
    row = {"time": time, "request_id": request_id, "experiment_id": "e1", "user_hash": CONTROL, "version": version}
    return (
        row | {"assigned_arm": "control", "status": 200, "latency_ms": 5.0, "items": 1, "missing_features": 0} | changed
    )


@pytest.fixture
def look(tmp_path):
    def at(exposures=(), outcomes=(), requests=()):
        for kind, rows in (("exposures", exposures), ("outcomes", outcomes), ("requests", requests)):
            schema = {"exposures": contracts.EXPOSURES, "outcomes": contracts.OUTCOMES}.get(kind, contracts.REQUESTS)
            contracts.write(list(rows), schema, tmp_path / kind / "one.parquet")
        evidence = collect(tmp_path, EXPERIMENT, NOW, tmp_path / "users.parquet")
        return evidence, pq.read_table(tmp_path / "users.parquet").to_pylist()

    return at


def test_a_users_clicks_orders_and_grades_are_summed_in_its_arm(look):
    said = [outcome(), outcome(kind="order", revenue=500, currency="USD"), outcome(kind="grade", grade=0.5)]
    evidence, users = look([exposure(), exposure(item_id="i2")], said)
    assert evidence["used"] == 2 and not evidence["set_aside"] and evidence["currency"] == "USD"
    row = {"exposures": 2, "revenue": 500, "grades": 0.5, "graded": 1, "clicks": 1, "orders": 1}
    assert users == [{"user_hash": CONTROL, "arm": "control", "slice": 4} | row]


def test_an_exposure_or_outcome_that_was_logged_twice_counts_once(look):
    evidence, users = look([exposure(), exposure()], [outcome(kind="order", revenue=500, currency="USD")] * 2)
    assert evidence["set_aside"] == {"duplicate": 1}
    assert (users[0]["exposures"], users[0]["revenue"]) == (1, 500)


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        ("no arm", {"assigned_arm": None}),
        ("no arm", {"experiment_id": ""}),
        ("another experiment", {"experiment_id": "e0"}),
        ("no user", {"user": None}),
        ("after this look", {"time": NOW + timedelta(seconds=1)}),
        ("pre-period", {"time": START + timedelta(minutes=5)}),
        ("arm disagrees", {"assigned_arm": "treatment"}),
    ],
)
def test_every_exposure_that_is_not_used_says_why(look, reason, changed):
    evidence, _ = look([exposure(), exposure("r2", **changed)])
    assert evidence["set_aside"] == {reason: 1}
    assert evidence["exposures"] == evidence["used"] + 1 == 2


def test_a_logged_arm_that_the_hash_does_not_give_is_a_disagreement(look):
    assert look([exposure(user=TREATED, assigned_arm="control")])[0]["disagreements"] == 1


def test_a_caller_may_follow_the_old_share_for_thirty_seconds(look):
    early, late = (exposure(f"r{s}", TREATED, SPLIT + timedelta(seconds=s), assigned_arm="control") for s in (29, 31))
    evidence, _ = look([early, late])
    assert evidence["set_aside"] == {"arm disagrees": 1, "earlier share": 1}


def test_the_pre_period_is_kept_by_the_arm_that_its_users_are_in_later(look):
    _, users = look([exposure("r1", TREATED, START + timedelta(minutes=5)), exposure("r2", TREATED)])
    assert [(row["arm"], row["slice"]) for row in users] == [("treatment", 0), ("treatment", 4)]


def test_a_user_with_more_requests_an_hour_than_a_person_makes_is_a_bot(look):
    requests = [request(f"r{number}") for number in range(BOT_REQUESTS_AN_HOUR + 1)]
    assert look([exposure()], requests=requests)[0]["set_aside"] == {"bot": 1}


def test_crossover_is_the_share_that_another_version_answered(look):
    evidence, _ = look([exposure("r1", TREATED), exposure("r2", TREATED, version="v1"), exposure("r3")])
    assert evidence["crossover"] == {"control": 0.0, "treatment": 0.5}


def test_copies_of_a_request_count_once(look):
    found = look(requests=[request(), request(), request("r2", status=503)])[0]["requests"]["v1"]
    assert (found["requests"], found["error_rate"]) == (2, 0.5)


def test_requests_are_counted_by_the_version_that_answered(look):
    failed = request("r2", "v2", status=503, latency_ms=900.0)
    incomplete = request("r3", "v2", latency_ms=7.0, missing_features=3)
    found = look(requests=[request(), failed, incomplete, request("r4", time=START)])[0]["requests"]
    assert found["v1"] == {"requests": 1, "error_rate": 0, "latency_p99_ms": 5.0, "missing_features_rate": 0}
    assert found["v2"] == {"requests": 2, "error_rate": 0.5, "latency_p99_ms": 7.0, "missing_features_rate": 1}


def test_outcomes_of_no_exposure_are_counted(look):
    assert look([exposure()], [outcome(), outcome("unknown")])[0]["outcomes"] == {"rows": 2, "without_exposure": 1}


def test_revenue_in_two_currencies_is_refused(look):
    with pytest.raises(ValueError, match="EUR.*USD"):
        look([exposure()], [outcome(kind="order", revenue=1, currency=currency) for currency in ("EUR", "USD")])
