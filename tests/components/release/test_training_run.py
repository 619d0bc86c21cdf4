"""What is kept of a night, on a real S3."""

from datetime import UTC, datetime

import pytest

from components import storage
from components.release.training_run import NIGHTS, record_night

pytestmark = pytest.mark.slow
VERDICT = {
    "verdict": "hold",
    "reasons": ["because"],
    "candidate_version": "v2",
    "metrics": {"candidate": {"macro_f1": 0.5, "accuracy": 0.6, "ndcg_at_10": 0.7, "auc_exact": 0.8}},
}
USED = {"used": {"requests": 10, "tokens_in": 1000, "tokens_out": 200, "seconds": 1800.0}}


def test_a_night_is_kept_with_its_verdict_its_quality_and_what_its_rationales_took(s3):
    now = datetime(2026, 1, 5, 3, tzinfo=UTC)
    record_night(VERDICT, [USED, USED], price=4.0, now=now)
    kept = storage.get_json(f"{NIGHTS}/20260105T030000Z.json")
    assert kept["verdict"] == "hold" and kept["metrics"] == {"macro_f1": 0.5, "accuracy": 0.6, "ndcg_at_10": 0.7}
    assert kept["used"]["tokens_in"] == 2000 and kept["usd"] == 4.0


def test_without_a_price_no_cost_is_made_up(s3):
    assert record_night(VERDICT, [USED], price=0.0)["usd"] is None
