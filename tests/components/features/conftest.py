"""Two queries, three items, and what was shown, clicked and bought around the night of 31 January."""

from datetime import UTC, datetime, timedelta

import pytest

from components import contracts

AS_OF = datetime(2026, 1, 31, 3, tzinfo=UTC)


def judgement(query_id: str, item_id: str, **changes) -> dict:
    row = dict.fromkeys(contracts.JUDGEMENTS.names, "")
    row |= {"query_id": query_id, "item_id": item_id, "query": "sony headphones", "label": "Exact", "split": "train"}
    return {**row, "mismatch": None, **changes}


def item(item_id: str, **changes) -> dict:
    row = {"item_id": item_id, "title": f"Item {item_id}", "brand": "Sony", "category": "Audio", "attributes": ""}
    return {**row, "price": 20.0, "rating": 4.0, "time": AS_OF - timedelta(days=90), **changes}


def exposure(item_id: str, before: timedelta, **changes) -> dict:
    row = dict.fromkeys(contracts.EXPOSURES.names)
    fields = {"time": AS_OF - before, "query_id": "q1", "category": "Audio", "item_id": item_id} | changes
    return {**row, "request_id": f"{fields['query_id']}-{before}", **fields}


def outcome(item_id: str, before: timedelta, kind: str = "click") -> dict:
    row = dict.fromkeys(contracts.OUTCOMES.names)
    return {**row, "time": AS_OF - before, "request_id": f"q1-{before}", "item_id": item_id, "kind": kind}


@pytest.fixture
def tables(tmp_path):
    """Paths of the judgements and the items."""
    judgements = [
        judgement("q1", "a"),
        judgement("q1", "b", query="usb cable"),
        judgement("q2", "a"),
        judgement("q2", "c"),
    ]
    items = [item("a"), item("b", price=40.0, brand="Anker"), item("c", time=AS_OF + timedelta(days=1))]
    contracts.write(judgements, contracts.JUDGEMENTS, tmp_path / "judgements.parquet")
    contracts.write(items, contracts.ITEMS, tmp_path / "items.parquet")
    return tmp_path / "judgements.parquet", tmp_path / "items.parquet"


@pytest.fixture
def logs(tmp_path):
    """Logs as the server lays them out: something old, something in the windows, something after as_of."""
    hour, days = timedelta(hours=1), timedelta(days=1)
    exposures = [
        exposure("a", hour), exposure("b", hour), exposure("b", 8 * days), exposure("b", 40 * days),
        exposure("a", -hour), exposure("a", timedelta(0)), exposure("b", hour, query_id="q9", category="Cables"),
    ]  # fmt: skip
    outcomes = [outcome("a", hour), outcome("a", hour, "order"), outcome("a", -hour), outcome("b", 8 * days)]
    contracts.write(exposures, contracts.EXPOSURES, tmp_path / "logs/exposures/date=2026-01-31/hour=02/x.parquet")
    contracts.write(outcomes, contracts.OUTCOMES, tmp_path / "logs/outcomes/date=2026-01-31/hour=02/x.parquet")
    return tmp_path / "logs"
