"""Rows of small logs of one experiment: dark for an hour, then split in halves."""

from datetime import UTC, datetime, timedelta

from components import contracts
from components.event_logs import SCHEMAS
from components.experiment.assignment import arm, user_hash
from components.experiment.records import ExperimentSetup
from components.release_state import Stage

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SPLIT = START + timedelta(hours=1)
NOW = START + timedelta(hours=2)
LATER = SPLIT + timedelta(minutes=20)
SETUP = ExperimentSetup(
    experiment_id="e1",
    salt="e1",
    stages=(Stage(0.0, START.isoformat()), Stage(0.5, SPLIT.isoformat())),
    versions={"control": "v1", "treatment": "v2"},
)
USERS = [user_hash("secret", f"u{number}") for number in range(40)]
TREATED = next(user for user in USERS if arm(user, "e1", 0.5) == "treatment")
CONTROL = next(user for user in USERS if arm(user, "e1", 0.5) == "control")
NAMES = {"query_id": "q", "query": "red shoe", "locale": "us", "query_class": "head", "category": "Shoes"}


def exposure(request_id="r1", user=CONTROL, time=LATER, **changes):
    is_split = user is not None and time is not None and time >= SPLIT
    is_treated = is_split and arm(user, "e1", 0.5) == "treatment"
    row = {"time": time, "request_id": request_id, "experiment_id": "e1", "user_hash": user, "item_id": "i1"}
    row |= {"assigned_arm": "treatment" if is_treated else "control", "version": "v2" if is_treated else "v1"}
    return row | NAMES | {"position": 1, "score": 0.5, "stale": False} | contracts.NO_DRAFT | changes


def outcome(request_id="r1", kind="click", **changes):
    row = {"time": LATER, "request_id": request_id, "item_id": "i1", "kind": kind}
    return row | {"order_id": None, "revenue": None, "currency": None, "grade": None} | changes


def request(request_id="r1", version="v1", time=LATER, **changes):
    row = {"time": time, "request_id": request_id, "experiment_id": "e1", "user_hash": CONTROL, "version": version}
    return (
        row | {"assigned_arm": "control", "status": 200, "latency_ms": 5.0, "items": 1, "missing_features": 0} | changes
    )


def write_shard(folder, tables, shard=0, shards=1):
    """Write the rows of one shard's requests as exposures, outcomes and requests, and return the three folders."""
    folders = []
    for kind, rows in zip(("exposures", "outcomes", "requests"), tables, strict=True):
        part = [row for row in rows if int.from_bytes(row["request_id"].encode(), "big") % shards == shard]
        contracts.write(part, SCHEMAS[kind], folder / kind / "one.parquet")
        folders.append(folder / kind)
    return folders
