"""What is kept of a night, on a real S3."""

from datetime import UTC, datetime

import pytest

from components import storage
from components.release.gate_verdict import GateVerdict
from components.release.training_run import record_night
from components.release_store import NIGHTS

pytestmark = pytest.mark.slow
VERDICT = GateVerdict(
    verdict="hold",
    reasons=["because"],
    candidate_version="v2",
    serving_version="v1",
    rows=8,
    queries=1,
    metrics={"candidate": {"macro_f1": 0.5, "accuracy": 0.6, "ndcg_at_10": 0.7, "auc_exact": 0.8}},
)
USAGE = {"requests": 10, "tokens_in": 1000, "tokens_out": 200, "seconds": 1800.0}


def test_a_night_keeps_verdict_quality_and_cost(s3):
    now = datetime(2026, 1, 5, 3, tzinfo=UTC)
    record_night(VERDICT, [USAGE, USAGE], usd_per_hour=4.0, now=now)
    night = storage.get_json(f"{NIGHTS}/20260105T030000Z.json")
    assert night["verdict"] == "hold" and night["metrics"] == {"macro_f1": 0.5, "accuracy": 0.6, "ndcg_at_10": 0.7}
    assert night["used"]["tokens_in"] == 2000 and night["usd"] == 4.0


def test_without_a_price_there_is_no_cost(s3):
    assert record_night(VERDICT, [USAGE], usd_per_hour=0.0).usd is None
