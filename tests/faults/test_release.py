"""Planted faults, from logs on a real S3 to a real Envoy: each is seen at the first look, and all traffic is back."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from components import contracts, package_manifest, storage
from components.event_logs import SCHEMAS
from components.experiment import look
from components.experiment.assignment import arm, user_hash
from components.experiment.plan import ExperimentPlan
from components.release import canary
from components.release.router import EnvoyRouter
from components.release_state import Experiment, ReleaseState, Stage
from components.release_store import read_state, update_state
from testing import servers
from testing.release_fixtures import local_release

pytestmark = pytest.mark.slow
START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + timedelta(hours=1)
PLAN = ExperimentPlan(shares=(0.0, 0.5), minimum_users=500, dwell_seconds=60, horizon_users=8000, minimum_requests=500)
FAULTS = {
    "none": ("continue", ""),
    "users lost": ("inconclusive", "sample ratio mismatch"),
    "slow": ("roll back", "p99 latency is 4"),
    "errors": ("roll back", "error rate is higher by 9"),
    "stale": ("roll back", "misses features"),
    "revenue": ("roll back", "RPM is lower"),
}


def logs(fault, experiment, versions):
    """An hour of 6,000 users under half; the fault is in treatment alone."""
    rng, exposures, requests, outcomes = np.random.default_rng(3), [], [], []
    for number in range(6000):
        user = user_hash("secret", f"u{number}")
        side = arm(user, experiment.salt, 0.5)
        treated = side == "treatment"
        if fault == "users lost" and treated and number % 8 == 0:
            continue
        row = {"time": START + timedelta(seconds=number / 2), "request_id": f"r{number}", "user_hash": user}
        row |= {"experiment_id": experiment.experiment_id, "assigned_arm": side, "version": versions[treated]}
        names = {"query_id": "q", "query": "shoe", "locale": "us", "query_class": "head", "category": "Shoes"}
        exposures.append(
            row | names | {"item_id": "i1", "position": 1, "score": 0.5, "stale": False} | contracts.NO_DRAFT
        )
        said = {"status": 503 if fault == "errors" and treated and number % 20 < 2 else 200, "items": 1}
        said["latency_ms"] = float(rng.uniform(5, 10)) * (4 if fault == "slow" and treated else 1)
        said["missing_features"] = int(fault == "stale" and treated and number % 4 == 0)
        requests.append(row | said)
        if rng.random() < 0.5:
            order = {"item_id": "i1", "kind": "order", "currency": "USD", "order_id": None, "grade": None}
            revenue = int(rng.integers(80, 120) * (0.7 if fault == "revenue" and treated else 1))
            outcomes.append({"time": row["time"], "request_id": row["request_id"], "revenue": revenue} | order)
    return {"exposures": exposures, "requests": requests, "outcomes": outcomes}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_traffic_at_first_look(s3, tmp_path, package, fault):
    word, said = FAULTS[fault]
    old, new = (package_manifest.version(package(name)) for name in ("old", "new"))
    stages = (Stage(0.0, (START - timedelta(hours=1)).isoformat()), Stage(0.5, START.isoformat()))
    running = Experiment("e1", "e1", stages)
    update_state(lambda _: ReleaseState(old, new, traffic_percent=50, experiment=running), "test")
    for kind, rows in logs(fault, running, (old, new)).items():
        contracts.write(rows, SCHEMAS[kind], tmp_path / kind / "one.parquet")
        storage.put_folder(tmp_path / kind, f"logs/{kind}/date=2026-01-05/hour=00/part=00")
    begun = look.begin(NOW.isoformat())
    look.collect(begun, "0/1", tmp_path / "sums")
    verdict = look.decide(begun, [tmp_path / "sums"], PLAN, tmp_path / "merged").to_json()
    assert (verdict["verdict"], said in verdict["reason"]) == (word, True), verdict["reason"]
    EnvoyRouter(tmp_path / "gateway", "").write_routes(50)
    with (
        servers.model_server(new) as server,
        servers.envoy(tmp_path / "gateway", server.server_port, server.server_port) as urls,
    ):
        router = EnvoyRouter(tmp_path / "gateway", urls[2])
        router.set_traffic(50)
        canary.move_traffic(json.loads(json.dumps(verdict)), local_release(router, lambda *_: None, lambda _: ""))
        assert router.read_back() == (50 if word == "continue" else 0)
    ended = {"roll back": "rolled back", "continue": "running"}.get(word, word)
    assert read_state().experiment.status == ended
