"""The step that holds a teacher to its bounds, from the tables that the night wrote."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.metrics import BootstrapConfig
from components.teacher import component
from components.teacher.config import QualificationConfig
from components.teacher.held_out import cost_of_1000_pairs, read_answers
from testing.rows import rationale

USED = {"requests": 41, "tokens_in": 9, "tokens_out": 8, "seconds": 20.5}
PREDICTION = {**dict.fromkeys(contracts.PREDICTIONS.names, ""), "probabilities": [1.0, 0.0, 0.0, 0.0], "score": 0.5}


def write_held_out(folder, right: int) -> list:
    """Write 40 answers of which some are right, one broken answer, and a student that always says Exact."""
    rows = []
    for number in range(40):
        label = ("Exact", "Irrelevant")[number % 2]
        predicted_label = label if number < right else "Complement"
        rows.append(rationale(query_id=f"q{number}", label=label, predicted_label=predicted_label))
    contracts.write(rows, contracts.RATIONALES, folder / "rationales")
    broken = dict.fromkeys(contracts.QUARANTINE.names, "") | {"query_id": "q40", "item_id": "i1", "label": "Exact"}
    contracts.write([broken | {"sample": 0}], contracts.QUARANTINE, folder / "quarantine")
    (folder / "asked").write_text(json.dumps({"rows_in": 41, "used": USED}))
    pairs = [{"query_id": f"q{number}", "item_id": "i1", "predicted_label": "Exact"} for number in range(50)]
    contracts.write([PREDICTION | pair for pair in pairs], contracts.PREDICTIONS, folder / "predictions")
    kinds = {"rationales": dsl.Dataset, "quarantine": dsl.Dataset, "asked": dsl.Metrics, "predictions": dsl.Dataset}
    return [kind(uri=str(folder / name)) for name, kind in kinds.items()]


def run_step(folder, right: int) -> tuple[str, dict]:
    configs = QualificationConfig().to_json(), BootstrapConfig(samples=200).to_json()
    facts = dsl.Metrics(uri=str(folder / "facts"))
    refusal = component.qualify_teacher.python_func(*write_held_out(folder, right), *configs, facts)
    return refusal, json.loads((folder / "facts").read_text())


def test_a_good_teacher_is_let_through(tmp_path):
    refusal, facts = run_step(tmp_path, 38)
    assert refusal == facts["refusal"] == ""
    assert (facts["rows_in"], facts["rows_out"], facts["quarantined"]) == (41, 40, 1)
    assert facts["accuracy"] == facts["measures"]["accuracy"]["estimate"] == round(38 / 41, 4)
    assert facts["student_accuracy"]["estimate"] == round(21 / 41, 4)
    assert facts["seconds_per_1000_pairs"] == 500.0


def test_a_poor_teacher_is_refused_in_a_sentence(tmp_path):
    refusal, facts = run_step(tmp_path, 21)
    assert refusal == facts["refusal"] == facts["headline"]
    assert refusal.startswith("the teacher does not qualify: ")


def test_confidence_is_a_labels_mean_probability(tmp_path):
    rows = [
        rationale(label_probabilities=[0.75, 0.25, 0.0, 0.0]),
        rationale(label_probabilities=[0.25, 0.75, 0.0, 0.0]),
    ]
    contracts.write([*rows, rationale(item_id="i2", label_probabilities=None)], contracts.RATIONALES, tmp_path / "r")
    contracts.write([], contracts.QUARANTINE, tmp_path / "q")
    answers = read_answers(tmp_path / "r", tmp_path / "q")
    assert answers["q1", "i1"].confidence == pytest.approx(0.5)
    assert answers["q1", "i2"].confidence is None


def test_stored_answers_cost_nothing():
    half_stored = {"rows_in": 40, "used": {"requests": 20, "seconds": 10.0}}
    assert cost_of_1000_pairs(half_stored, 40, 3.6) == {"seconds_per_1000_pairs": 500.0, "usd_per_1000_pairs": 0.5}
    all_stored = {"rows_in": 40, "used": {"requests": 0, "seconds": 0.0}}
    assert set(cost_of_1000_pairs(all_stored, 40, 3.6).values()) == {None}
