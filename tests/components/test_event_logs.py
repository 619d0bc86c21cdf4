"""Where log rows lie, and which of them are one and the same."""

from datetime import UTC, datetime

import duckdb
import pytest

from components import contracts, event_logs

HOUR = datetime(2026, 1, 31, 23, tzinfo=UTC)


def test_a_row_lies_below_day_hour_and_part():
    name = event_logs.object_name("exposures", HOUR, event_logs.part("r1"), "file")
    assert name == f"logs/exposures/date=2026-01-31/hour=23/part={event_logs.part('r1'):02d}/file.parquet"


def test_requests_spread_over_all_parts():
    parts = [event_logs.part(f"request-{n}") for n in range(1000)]
    assert set(parts) == set(range(event_logs.PARTS)) and parts == [
        event_logs.part(f"request-{n}") for n in range(1000)
    ]


@pytest.mark.parametrize("table", event_logs.SCHEMAS)
def test_every_key_is_made_of_contract_columns(table):
    assert set(event_logs.KEYS[table]) <= set(event_logs.SCHEMAS[table].names)


def test_of_copies_the_earliest_counts(tmp_path):
    blank = dict.fromkeys(contracts.REQUESTS.names) | {"request_id": "r1"}
    rows = [blank | {"time": HOUR.replace(minute=5), "status": 500}, blank | {"time": HOUR, "status": 200}]
    contracts.write(rows, contracts.REQUESTS, tmp_path / "rows.parquet")
    source = event_logs.distinct("requests", f"read_parquet('{tmp_path / 'rows.parquet'}')")
    assert duckdb.sql(f"SELECT status FROM {source}").fetchall() == [(200,)]


def test_two_orders_of_one_item_are_two():
    columns = "SELECT 'r1' AS request_id, 'i1' AS item_id, 'order' AS kind"
    rows = f"({columns}, 'o1' AS order_id, 1 AS time UNION ALL {columns}, 'o2', 2 UNION ALL {columns}, 'o2', 3)"
    assert duckdb.sql(f"SELECT order_id FROM {event_logs.distinct('outcomes', rows)} ORDER BY 1").fetchall() == [
        ("o1",),
        ("o2",),
    ]
