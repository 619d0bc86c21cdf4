"""UBI's queries and events become exposures and outcomes, and the other way, by UBI's own schemas."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components import contracts
from components.experiment.ubi import main
from components.formats.ubi_read import read_ubi
from components.formats.ubi_write import write_ubi
from testing.ubi_schemas import ubi_validator

SCHEMAS = os.environ.get("BROADFAST_UBI_SCHEMAS")  # schema/1.3.0 of github.com/o19s/ubi
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
EMPTY = dict.fromkeys(contracts.EXPOSURES.names)
SHOWN = EMPTY | {
    "time": NOON,
    "request_id": "r1",
    "user_hash": bytes(range(16)),
    "assigned_arm": "control",
    "version": "s1",
    "query_id": "q1",
    "query": "red shoe",
    "locale": "us",
    "item_id": "i1",
    "position": 1,
    "score": 0.5,
    "stale": False,
}
CLICK = dict.fromkeys(contracts.OUTCOMES.names) | {"time": NOON, "request_id": "r1", "item_id": "i1", "kind": "click"}
ORDER = CLICK | {"kind": "order", "order_id": "o1", "revenue": 5980, "currency": "EUR"}
PLAIN = {  # an event as another shop writes it
    "action_name": "impression",
    "application": "web",
    "query_id": "r1",
    "client_id": "u7",
    "user_query": "shoe",
    "timestamp": "2026-11-01T12:00:00Z",
    "event_attributes": {"object": {"object_id": 17}, "position": {"ordinal": 1}},
}


def hash_client(client):
    return client.encode().ljust(16, b"\0")


def read(*events, queries=()):
    return read_ubi(queries, events, hash_client)


def change(event, **attributes):
    return event | {"event_attributes": event["event_attributes"] | attributes}


def test_logs_survive_the_trip(tmp_path):
    team = {"page_kind": "interleaved", "team": "A", "pair": 1, "stable_rank": 2, "stable_score": 0.25}
    exposures = [SHOWN, SHOWN | {"item_id": "i2", "position": 2} | team]
    outcomes = [CLICK, ORDER, ORDER | {"kind": "refund"}, CLICK | {"kind": "grade", "grade": 0.5}]
    contracts.write(exposures, contracts.EXPOSURES, tmp_path / "e.parquet")
    contracts.write(outcomes, contracts.OUTCOMES, tmp_path / "o.parquet")
    ubi = ["--queries", str(tmp_path / "q.ndjson"), "--events", str(tmp_path / "e.ndjson")]
    assert (
        main(["to", *ubi, "--exposures", str(tmp_path / "e.parquet"), "--outcomes", str(tmp_path / "o.parquet")]) == 0
    )
    back = ["--exposures", str(tmp_path / "e2.parquet"), "--outcomes", str(tmp_path / "o2.parquet")]
    assert main(["from", *ubi, *back]) == 0
    assert contracts.read(contracts.EXPOSURES, tmp_path / "e2.parquet") == exposures
    assert contracts.read(contracts.OUTCOMES, tmp_path / "o2.parquet") == outcomes


def test_what_is_written_says_what_ubi_requires():
    logs = write_ubi([SHOWN], [CLICK])
    (query,) = logs.queries
    assert (query["query_id"], query["user_query"]) == ("r1", "red shoe")
    assert query["query_response_hit_ids"] == ["i1"] and query["timestamp"] == "2026-11-01T12:00:00.000000Z"
    for event, action in zip(logs.events, ("impression", "click"), strict=True):
        assert (event["action_name"], event["query_id"], event["user_query"]) == (action, "r1", "red shoe")
        assert event["event_attributes"]["object"] == {"object_id": "i1"}
        assert event["event_attributes"]["position"] == {"ordinal": 1}


@pytest.mark.skipif(not SCHEMAS, reason="BROADFAST_UBI_SCHEMAS names no folder with UBI's schemas")
def test_what_is_written_fits_the_published_schemas():
    logs = write_ubi([SHOWN, SHOWN | {"item_id": "i2", "position": 2}], [CLICK, ORDER, CLICK | {"kind": "grade"}])
    for name, rows, count in (("query.request", logs.queries, 1), ("event", logs.events, 5)):
        validator = ubi_validator(Path(SCHEMAS), name)
        assert len(rows) == count and not [error.message for row in rows for error in validator.iter_errors(row)]
        assert [*validator.iter_errors({})]


def test_every_row_that_is_written_is_counted():
    exposures = [SHOWN, SHOWN, SHOWN | {"position": None}, SHOWN | {"request_id": "r" * 101}, SHOWN | {"item_id": None}]
    outcomes = [CLICK, CLICK | {"item_id": "i9"}, CLICK | {"kind": "view"}]
    counts = dict(write_ubi(exposures, outcomes).counts)
    assert counts.pop("read") == sum(counts.values()) == 8
    assert counts["impressions"] == counts["outcomes"] == counts["copies"] == 1


def test_another_shops_impression_is_an_exposure():
    (row,) = read(PLAIN).exposures
    assert (row["request_id"], row["item_id"], row["position"], row["query"]) == ("r1", "17", 1, "shoe")
    assert (row["time"], row["user_hash"]) == (NOON, hash_client("u7"))


def test_the_text_may_lie_in_the_query():
    event = {name: value for name, value in PLAIN.items() if name != "user_query"}
    assert read(event, queries=[{"query_id": "r1", "user_query": "hose"}]).exposures[0]["query"] == "hose"
    assert "user_query is neither in the event nor in its query" in read(event).problems[0]


def test_positions_from_zero_are_read_as_from_one():
    zero = [change(PLAIN, position={"ordinal": ordinal}) for ordinal in range(3)]
    logs = read(*zero, PLAIN | {"application": "app"})
    assert [row["position"] for row in logs.exposures] == [1, 2, 3, 1]
    assert logs.notes == ["the application 'web' counts positions from 0: they are read as from 1"]
    old = change(PLAIN, position={"ordinal": {"index": 4}})  # UBI 1.2
    assert read(old).exposures[0]["position"] == 4


@pytest.mark.parametrize("time", ["2026-11-01T13:00:00+01:00", "2026-11-01T12:00:00", NOON.timestamp() * 1000])
def test_times_come_in_three_forms(time):
    assert read(PLAIN | {"timestamp": time}).exposures[0]["time"] == NOON


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (PLAIN | {"action_name": None}, "event 1: action_name is missing; UBI 1.3 events on items need it"),
        (PLAIN | {"timestamp": "noon"}, "timestamp is 'noon'; write ISO 8601"),
        (PLAIN | {"query_id": ""}, "query_id is missing"),
        (PLAIN | {"event_attributes": {}}, "event_attributes.object is missing"),
        (change(PLAIN, object={}), "event_attributes.object.object_id is missing"),
        (change(PLAIN, position={"xy": {"x": 1, "y": 2}}), "position.ordinal is None; write a whole number from 1"),
        (change(PLAIN, position={"ordinal": -1}), "position.ordinal is -1"),
        ([], "action_name is missing"),
    ],
)
def test_a_broken_event_names_its_field(event, problem):
    logs = read(event, PLAIN | {"action_name": "add_to_cart"}, PLAIN)
    assert problem in logs.problems[0]
    assert logs.counts == {"read": 3, "set aside": 1, "events add_to_cart": 1, "impressions": 1}


def test_a_broken_line_is_named(tmp_path, capsys):
    (tmp_path / "e").write_text('{"a": 1}\n{"a"\n')
    paths = [part for name in ("queries", "exposures", "outcomes") for part in (f"--{name}", str(tmp_path / name))]
    assert main(["from", "--events", str(tmp_path / "e"), *paths]) == 1
    assert "stopped: e, line 2: no JSON" in capsys.readouterr().err
