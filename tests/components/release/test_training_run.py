"""What is kept of a night, on a real S3."""

from datetime import UTC, datetime

import pytest

from components import contracts, storage
from components.release.comparison import ComparisonTables, join_pairs
from components.release.gate_verdict import GateVerdict
from components.release.training_run import NightOutputs, record_night
from components.release_store import NIGHTS
from testing.rows import judgement, rationale

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


def write_predictions(path, score):
    names = ("query_class", "query_kind", "locale", "label")
    same = {name: judgement(query_kind="")[name] for name in names}
    row = same | {"query_id": "q1", "item_id": "i1", "category": "Shoes", "predicted_label": "Exact"}
    contracts.write([row | {"probabilities": [1.0, 0, 0, 0], "score": score}], contracts.PREDICTIONS, path)
    return path


def comparison_tables(folder, **fields):
    contracts.write([judgement(split="valid", **fields)], contracts.JUDGEMENTS, folder / "judgements.parquet")
    contracts.write([rationale()], contracts.RATIONALES, folder / "rationales.parquet")
    predictions = [write_predictions(folder / f"{score}.parquet", score) for score in (0.75, 0.25)]
    return ComparisonTables(*predictions, folder / "judgements.parquet", [folder / "rationales.parquet"])


def test_a_night_keeps_what_people_compare(s3, tmp_path):
    outputs = NightOutputs(comparison=comparison_tables(tmp_path))
    prefix = record_night(VERDICT, [USAGE], 0.0, outputs).comparison
    storage.get_folder(prefix, tmp_path / "night")
    (row,) = contracts.read(contracts.COMPARED_PAIRS, tmp_path / "night" / "pairs.parquet")
    assert (row["stable_score"], row["candidate_score"], row["title"]) == (0.25, 0.75, judgement()["title"])
    (row,) = contracts.read(contracts.EXPLAINED_PAIRS, tmp_path / "night" / "rationales.parquet")
    assert (row["title"], row["split"], row["text"]) == (judgement()["title"], "valid", rationale()["text"])
    storage.remove_folder(prefix)


def test_tables_of_two_nights_are_refused(tmp_path):
    tables = comparison_tables(tmp_path, item_id="i2")
    with pytest.raises(ValueError, match="query q1 and item i1 .* give the tables of one night"):
        list(join_pairs(tables))
