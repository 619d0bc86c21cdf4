"""From logs to users' sums: every exposure is used or set aside for a reason, and every arm is computed again."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from components import contracts
from components.event_logs import SCHEMAS
from components.experiment.aggregate import FEW, Places, collect
from components.experiment.assignment import arm, user_hash
from components.experiment.attribute import merge

SCHEMAS_IN_ORDER = ("exposures", "outcomes", "requests")
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
    treated = user is not None and time is not None and time >= SPLIT and arm(user, "e1", 0.5) == "treatment"
    row = {"time": time, "request_id": request_id, "experiment_id": "e1", "user_hash": user, "item_id": "i1"}
    row |= {"assigned_arm": "treatment" if treated else "control", "version": "v2" if treated else "v1"}
    return row | NAMES | {"position": 1, "score": 0.5, "stale": False} | changed


def outcome(request_id="r1", kind="click", **changed):
    row = {"time": LATER, "request_id": request_id, "item_id": "i1", "kind": kind}
    return row | {"order_id": None, "revenue": None, "currency": None, "grade": None} | changed


def request(request_id="r1", version="v1", time=LATER, **changed):
    row = {"time": time, "request_id": request_id, "experiment_id": "e1", "user_hash": CONTROL, "version": version}
    return (
        row | {"assigned_arm": "control", "status": 200, "latency_ms": 5.0, "items": 1, "missing_features": 0} | changed
    )


@pytest.fixture
def look(tmp_path):
    def at(exposures=(), outcomes=(), requests=(), experiment=EXPERIMENT, shards=1):
        parts = []
        for shard in range(shards):
            place = tmp_path / f"logs-{shard}"
            for kind, rows in (("exposures", exposures), ("outcomes", outcomes), ("requests", requests)):
                mine = [row for row in rows if int.from_bytes(row["request_id"].encode(), "big") % shards == shard]
                contracts.write(mine, SCHEMAS[kind], place / kind / "one.parquet")
            parts.append(tmp_path / f"sums-{shard}")
            collect(Places(*(place / kind for kind in SCHEMAS_IN_ORDER)), experiment, NOW, parts[-1])
        evidence = merge(parts, experiment, NOW, tmp_path / "merged")
        return evidence, pq.read_table(tmp_path / "merged" / "users.parquet").to_pylist()

    return at


def test_a_users_clicks_orders_and_grades_are_summed_in_its_arm(look):
    said = [outcome(), outcome(kind="order", revenue=500, currency="USD"), outcome(kind="grade", grade=0.5)]
    evidence, users = look([exposure(), exposure(item_id="i2")], said)
    assert evidence["used"] == 2 and not evidence["set_aside"] and evidence["currency"] == "USD"
    row = {"exposures": 2, "revenue": 500, "grades": 0.5, "graded": 1, "clicks": 1, "orders": 1}
    assert users == [{"user_hash": CONTROL, "arm": "control"} | row | {f"pre_{name}": 0 for name in row}]


def test_an_exposure_or_outcome_that_was_logged_twice_counts_once(look):
    evidence, users = look([exposure(), exposure()], [outcome(kind="order", revenue=500, currency="USD")] * 2)
    assert evidence["set_aside"] == {"duplicate": 1}
    assert evidence["outcome_copies"] == 1
    assert (users[0]["exposures"], users[0]["revenue"]) == (1, 500)


@pytest.mark.parametrize(
    ("reason", "changed"),
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
def test_every_exposure_that_is_not_used_says_why(look, reason, changed):
    evidence, _ = look([exposure(), exposure("r2", **changed)])
    assert evidence["set_aside"] == {reason: 1}
    assert evidence["exposures"] == evidence["used"] + 1 == 2


def test_a_logged_arm_that_the_hash_does_not_give_is_a_disagreement(look):
    evidence, _ = look([exposure(user=TREATED, assigned_arm="control")])
    assert evidence["disagreements"] == 1 and evidence["users_set_aside"] == {"arm disagrees": 1}


def test_a_caller_may_follow_the_old_share_for_thirty_seconds(look):
    early, late = (exposure(f"r{s}", TREATED, SPLIT + timedelta(seconds=s), assigned_arm="control") for s in (29, 31))
    evidence, _ = look([early, late])
    assert evidence["set_aside"] == {"arm disagrees": 1, "earlier share": 1}


def test_a_users_pre_period_stands_beside_what_it_did_later(look):
    _, users = look([exposure("r1", TREATED, START + timedelta(minutes=5)), exposure("r2", TREATED)])
    assert [(row["arm"], row["exposures"], row["pre_exposures"]) for row in users] == [("treatment", 1, 1)]


def test_someone_who_was_never_seen_again_is_no_user_of_the_experiment(look):
    assert look([exposure("r1", TREATED, START + timedelta(minutes=5))])[1] == []


def test_a_user_far_out_of_every_persons_range_is_a_bot(look):
    people = [exposure(f"p{n}", user) for n, user in enumerate(USERS)]
    evidence, _ = look([*people, *(exposure(f"b{n}") for n in range(FEW + 1))])
    assert evidence["set_aside"] == {"bot": FEW + 2} and evidence["users_set_aside"] == {"bot": 1}


def test_where_the_salt_is_not_known_a_user_seen_in_both_arms_is_set_aside(look):
    rows = [exposure("r1"), exposure("r2", assigned_arm="treatment"), exposure("r3", TREATED)]
    evidence, users = look(rows, experiment=EXPERIMENT | {"salt": None})
    assert evidence["set_aside"] == {"seen in both arms": 2} and [row["user_hash"] for row in users] == [TREATED]


def test_crossover_is_the_share_that_another_version_answered(look):
    evidence, _ = look([exposure("r1", TREATED), exposure("r2", TREATED, version="v1"), exposure("r3")])
    assert evidence["crossover"] == {"control": 0.0, "treatment": 0.5}


@pytest.mark.parametrize(
    ("after", "counted"), [(timedelta(hours=25), "late_outcomes"), (-timedelta(hours=1), "skewed_outcomes")]
)
def test_an_outcome_far_from_its_exposure_is_not_its_own_and_is_counted(look, after, counted):
    evidence, users = look([exposure()], [outcome(time=LATER + after)])
    assert evidence[counted] == 1 and users[0]["clicks"] == 0


def test_copies_of_a_request_count_once_and_p99_is_known_to_half_a_percent(look):
    requests = [request(), request(), request("r2", status=503), request("r3", latency_ms=100.0, items=0)]
    found = look(requests=requests)[0]["requests"]["v1"]
    assert (found["requests"], found["error_rate"]) == (3, pytest.approx(1 / 3))
    assert found["latency_p99_ms"] == pytest.approx(100.0, rel=0.006) and found["null_result_rate"] == 0.5


def test_shards_add_up_to_what_one_of_all_the_logs_says(look, tmp_path):
    rows = [exposure(f"r{n}", user) for n, user in enumerate(USERS * 3)] + [exposure("r1", USERS[1])]
    said = [outcome(f"r{n}", "order", revenue=n, currency="USD") for n in range(0, 120, 7)]
    whole, parts = look(rows, said), look(rows, said, shards=4)
    assert whole[0] == parts[0]
    assert sorted(whole[1], key=str) == sorted(parts[1], key=str)


def test_revenue_and_grades_that_are_no_numbers_count_as_none(look):
    said = [outcome(kind="order", revenue=5, currency="USD"), outcome(kind="grade", grade=float("nan"))]
    _, users = look([exposure()], said)
    assert (users[0]["revenue"], users[0]["grades"], users[0]["graded"]) == (5, 0, 0)


def test_revenue_in_two_currencies_is_refused(look):
    said = [outcome(kind="order", revenue=5, currency=currency) for currency in ("USD", "EUR")]
    with pytest.raises(ValueError, match="convert it to one currency"):
        look([exposure()], said)
