"""The gate's word, and its reasons."""

import pytest

from components import contracts
from components.release.compare import load
from components.release.gate import (
    Beside,
    GateConfig,
    Versions,
    decide,
    gate,
    of_beside,
    of_differences,
    of_first_release,
    of_slices,
)
from tests.components.release import predictions

CONFIG = GateConfig(bootstrap_samples=200)
SERVES = Versions("v2", "v1")
MEASURED = {"latency_ratio": 1.0, "checked_right_candidate": 20, "checked_right_baseline": 20, "checked_pairs": 32}
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
    found, reasons = decide([*of_differences(metrics, differences, CONFIG), *of_slices(slices, CONFIG)])
    assert found == word and reasons


@pytest.mark.parametrize(("new", "old", "word"), [(1.5, 1.0, "release"), (1.0, 1.5, "reject"), (1.3, 1.3, "hold")])
def test_a_better_model_is_released_a_worse_one_rejected_and_a_doubtful_one_held(tmp_path, new, old, word):
    paths = predictions.write(tmp_path / "new", new, seed=2), predictions.write(tmp_path / "old", old, seed=3)
    assert gate(*paths, CONFIG, SERVES, Beside())["verdict"] == word


def test_a_model_that_is_better_overall_but_broken_on_one_class_of_query_is_rejected(tmp_path):
    new = predictions.write(tmp_path / "new", (5.0, 5.0, 0.6))
    verdict = gate(new, predictions.write(tmp_path / "old", 1.5, seed=3), CONFIG, SERVES, Beside())
    assert verdict["differences"]["accuracy"]["low"] > 0
    assert verdict["verdict"] == "reject" and "query_class tail" in verdict["reasons"][0]


def test_the_version_that_serves_already_is_held(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    verdict = gate(path, path, CONFIG, Versions("v1", "v1"), Beside())
    assert (verdict["verdict"], verdict["reasons"]) == ("hold", ["this version already serves"])


def test_predictions_of_different_rows_are_not_compared(tmp_path):
    few = predictions.write(tmp_path / "few", 1.5, queries=10)
    with pytest.raises(ValueError, match="16 only the candidate, 0 only the baseline"):
        gate(predictions.write(tmp_path / "more", 1.5, queries=12), few, CONFIG, SERVES, Beside())


def test_a_pair_that_was_scored_twice_is_named(tmp_path):
    path = predictions.write(tmp_path / "twice", 1.5, queries=5, item_id="i1")
    with pytest.raises(ValueError, match="occurs twice"):
        gate(path, path, CONFIG, SERVES, Beside())


def test_empty_predictions_are_refused(tmp_path):
    contracts.write([], contracts.PREDICTIONS, tmp_path / "none")
    with pytest.raises(ValueError, match="holds no rows"):
        gate(tmp_path / "none", tmp_path / "none", CONFIG, SERVES, Beside())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"latency_ratio": 1.3}, "takes 1.30 of the baseline's CPU time"),
        ({"checked_right_candidate": 16}, "16 of 32 hand-checked pairs are right, the baseline's are 20"),
        ({"checked_right_candidate": 7, "checked_right_baseline": 7}, "under 25%"),
    ],
)
def test_a_slower_candidate_or_one_that_fails_hand_checked_pairs_is_held_for_a_person(changed, why):
    worries = list(of_beside(Beside(MEASURED | changed), CONFIG))
    assert [word for word, _ in worries] == (["hold"] if why else []) and all(why in said for _, said in worries)


def test_a_worse_calibration_is_a_larger_error():
    good, bad = (
        list(of_differences({"candidate": {"calibration_error": 0.1}}, {"calibration_error": gap(*ends)}, CONFIG))
        for ends in ((-0.5, -0.4), (0.04, 0.05))
    )
    assert not good and bad[0][0] == "reject"


def test_a_brand_whose_labels_moved_is_named(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    moved = {"brand": "Acme", "moved": 0.3, "pairs": 200, "p_value": 1e-9}
    verdict = gate(path, path, CONFIG, SERVES, Beside(MEASURED, [moved]))
    assert verdict["verdict"] == "hold" and "30% of the labels of brand 'Acme' moved" in verdict["reasons"][0]


def test_a_first_release_has_to_beat_naming_the_commonest_label(tmp_path):
    new = load(predictions.write(tmp_path / "new", 1.5))  # a quarter of each label
    good, blind = (list(of_first_release({"candidate": {"accuracy": a}}, new, CONFIG)) for a in (0.6, 0.2))
    assert not good and blind[0][0] == "hold" and "naming one label always gives" in blind[0][1]
