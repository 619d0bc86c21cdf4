"""A split is scored as serving would score it, and measured in numbers that a hand can check."""

import pytest

from components import contracts
from components.packaging.evaluate import calibration_error, measures, predict, query_kind, roc_of_exact
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text
from testing.rows import training_row
from testing.tiny_package import write_package


def said(*pairs: tuple[str, str]) -> list[dict]:
    sure = {"probabilities": [1.0, 0.0, 0.0, 0.0]}
    return [{"label": label, "predicted_label": predicted} | sure for label, predicted in pairs]


def test_accuracy_and_macro_f1_are_what_a_hand_computes():
    found = measures(said(("Exact", "Exact"), ("Exact", "Irrelevant"), ("Irrelevant", "Irrelevant")))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)  # both labels: one right of one and two


def test_rows_of_the_confusion_matrix_are_the_judged_labels():
    found = measures(said(("Exact", "Irrelevant"), ("Substitute", "Substitute")))
    assert found["confusion"] == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_labels_that_never_occur_do_not_count():
    assert measures(said(("Exact", "Exact")))["macro_f1"] == 1


def test_calibration_error_is_the_gap_between_confidence_and_being_right():
    half = [row | {"probabilities": [0.5, 0.5, 0, 0]} for row in said(("Exact", "Exact"), ("Exact", "Irrelevant"))]
    assert calibration_error(half) == pytest.approx(0)
    assert calibration_error(said(("Exact", "Exact"), ("Exact", "Irrelevant"))) == pytest.approx(0.5)
    assert calibration_error(half + said(("Exact", "Irrelevant"))) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("query", "kind"),
    [("shoe without laces", "negation"), ("iphone 14", "number"), ("shoe", "one word"), ("a b c", "two or three words"),
     ("a b c d", "four words and more"), ("", "one word")],
)  # fmt: skip
def test_a_query_is_of_one_kind(query, kind):
    assert query_kind(query) == kind


def test_the_roc_rises_with_finite_thresholds_that_fall():
    rows = [{"label": label, "probabilities": [p, 0, 0, 1 - p]} for label, p in (("Exact", 0.9), ("Irrelevant", 0.4))]
    false, true, thresholds = roc_of_exact(rows, points=3)
    assert (false, true) == ([0, 0, 1], [1, 1, 1]) and thresholds == [0.9, 0.65, 0.4]


@pytest.fixture
def training_set(tmp_path):
    """Three valid pairs that the tiny package labels Exact, Irrelevant, Irrelevant, and one of another split."""
    blank = dict.fromkeys(("brand", "category", "attributes"))
    titles = (("red", "Exact"), ("hose", "Irrelevant"), ("hose hose", "Complement"))
    rows = [
        training_row(query="", title=title, label=label, item_id=title, split="valid") | blank
        for title, label in titles
    ]
    contracts.write([*rows, training_row(split="train")], contracts.TRAINING_SET, tmp_path / "rows")
    return tmp_path / "rows"


def test_a_split_is_scored_pair_by_pair_in_order(training_set, tmp_path):
    version = write_package(tmp_path / "package")
    facts = predict(tmp_path / "package", training_set, "valid", tmp_path / "predictions")
    rows = contracts.read(contracts.PREDICTIONS, tmp_path / "predictions")
    assert [row["predicted_label"] for row in rows] == ["Exact", "Irrelevant", "Irrelevant"]
    assert (facts["rows_in"], facts["rows_out"], facts["version"]) == (3, 3, version)
    assert facts["figure"] == "accuracy 0.667, macro-F1 0.556"


def test_predictions_are_what_the_scorer_says(training_set, tmp_path):
    write_package(tmp_path / "package")
    predict(tmp_path / "package", training_set, "valid", tmp_path / "predictions")
    pairs = [("", title) for title in ("red", "hose", "hose hose")]
    rows = contracts.read(contracts.PREDICTIONS, tmp_path / "predictions")
    assert [row["score"] for row in rows] == pytest.approx(Scorer(tmp_path / "package")(pairs).scores.tolist())
    assert item_text({"title": "red"}) == "red" and len(rows[0]["probabilities"]) == 4


def test_a_split_without_a_pair_is_refused(training_set, tmp_path):
    with pytest.raises(ValueError, match="no pair in the split 'test': nothing to compare models on"):
        predict(tmp_path / "unused", training_set, "test", tmp_path / "predictions")
