"""The gate's word, and its reasons."""

import pytest

from components import contracts
from components.release.gate import GateConfig, decide, gate
from tests.components.release import predictions

CONFIG = GateConfig(bootstrap_samples=200)
GOOD = {"candidate": {"accuracy": 0.6, "macro_f1": 0.5}}


def gap(low, high):
    return {"difference": (low + high) / 2, "low": low, "high": high}


def overall(low=0.0, high=0.02):
    return {"accuracy": gap(low, high), "macro_f1": gap(low, high)}


def part(low, high, name="locale"):
    return {"slice": name, "value": "us", "rows": 200} | gap(low, high)


@pytest.mark.parametrize(
    ("word", "metrics", "differences", "slices"),
    [
        ("release", GOOD, overall(), []),
        ("release", GOOD, overall(-0.01, 0.02), []),
        ("hold", GOOD, overall(-0.011, 0.02), []),
        ("hold", GOOD, overall(-0.02, -0.01), []),
        ("reject", GOOD, overall(-0.03, -0.011), []),
        ("reject", {"candidate": {"accuracy": 0.29, "macro_f1": 0.5}}, overall(), []),
        ("reject", GOOD, overall(), [part(-0.2, -0.06)]),
        ("hold", GOOD, overall(), [part(-0.2, -0.01)]),
        ("release", GOOD, overall(), [part(-0.2, 0.01)]),
        ("release", GOOD, overall(), [part(-0.2, -0.06, "label")]),
    ],
)
def test_figures_lead_to_one_word(word, metrics, differences, slices):
    found, reasons = decide(metrics, differences, slices, CONFIG)
    assert found == word and reasons


@pytest.mark.parametrize(("new", "old", "word"), [(1.5, 1.0, "release"), (1.0, 1.5, "reject"), (1.3, 1.3, "hold")])
def test_a_better_model_is_released_a_worse_one_rejected_and_a_doubtful_one_held(tmp_path, new, old, word):
    paths = predictions.write(tmp_path / "new", new, seed=2), predictions.write(tmp_path / "old", old, seed=3)
    assert gate(*paths, CONFIG)["verdict"] == word


def test_a_model_that_is_better_overall_but_broken_on_one_class_of_query_is_rejected(tmp_path):
    new = predictions.write(tmp_path / "new", (5.0, 5.0, 0.6))
    verdict = gate(new, predictions.write(tmp_path / "old", 1.5, seed=3), CONFIG)
    assert verdict["differences"]["accuracy"]["low"] > 0
    assert verdict["verdict"] == "reject" and "query_class tail" in verdict["reasons"][0]


def test_the_version_that_serves_already_is_held(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    verdict = gate(path, path, CONFIG, candidate_version="v1", serving_version="v1")
    assert (verdict["verdict"], verdict["reasons"]) == ("hold", ["this version already serves"])


def test_predictions_of_different_rows_are_not_compared(tmp_path):
    few = predictions.write(tmp_path / "few", 1.5, queries=10)
    with pytest.raises(ValueError, match="16 only the candidate, 0 only the baseline"):
        gate(predictions.write(tmp_path / "more", 1.5, queries=12), few, CONFIG)


def test_a_pair_that_was_scored_twice_is_named(tmp_path):
    path = predictions.write(tmp_path / "twice", 1.5, queries=5, item_id="i1")
    with pytest.raises(ValueError, match="occurs twice"):
        gate(path, path, CONFIG)


def test_empty_predictions_are_refused(tmp_path):
    contracts.write([], contracts.PREDICTIONS, tmp_path / "none")
    with pytest.raises(ValueError, match="holds no rows"):
        gate(tmp_path / "none", tmp_path / "none", CONFIG)
