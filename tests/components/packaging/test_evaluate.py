"""A split is scored as serving would score it, and measured in numbers that a hand can check."""

import pytest

from components import contracts
from components.packaging.evaluate import calibration_error, exact_roc, measure_predictions, predict, query_kind
from components.scoring.scorer import Scorer
from testing.rows import training_row
from testing.tiny_package import write_package


def predictions(*pairs: tuple[str, str]) -> list[dict]:
    sure = {"probabilities": [1.0, 0.0, 0.0, 0.0]}
    return [{"label": label, "predicted_label": predicted_label} | sure for label, predicted_label in pairs]


def test_accuracy_and_macro_f1_match_a_hand_calculation():
    rows = predictions(("Exact", "Exact"), ("Exact", "Irrelevant"), ("Irrelevant", "Irrelevant"))
    measures = measure_predictions(rows)
    assert measures.accuracy == pytest.approx(2 / 3)
    assert measures.macro_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)  # both labels: one right of one and two


def test_confusion_rows_are_the_judged_labels():
    measures = measure_predictions(predictions(("Exact", "Irrelevant"), ("Substitute", "Substitute")))
    assert measures.confusion == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_labels_that_never_occur_do_not_count():
    assert measure_predictions(predictions(("Exact", "Exact"))).macro_f1 == 1


def test_calibration_error_is_confidence_less_accuracy():
    rows = predictions(("Exact", "Exact"), ("Exact", "Irrelevant"))
    half_sure = [row | {"probabilities": [0.5, 0.5, 0, 0]} for row in rows]
    assert calibration_error(half_sure) == pytest.approx(0)
    assert calibration_error(rows) == pytest.approx(0.5)
    assert calibration_error(half_sure + predictions(("Exact", "Irrelevant"))) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("query", "kind"),
    [("shoe without laces", "negation"), ("iphone 14", "number"), ("shoe", "one word"), ("a b c", "two or three words"),
     ("a b c d", "four words and more"), ("", "one word")],
)  # fmt: skip
def test_a_query_has_one_kind(query, kind):
    assert query_kind(query) == kind


def test_roc_rates_rise_as_thresholds_fall():
    rows = [{"label": label, "probabilities": [p, 0, 0, 1 - p]} for label, p in (("Exact", 0.9), ("Irrelevant", 0.4))]
    false_rates, true_rates, thresholds = exact_roc(rows, points=3)
    assert false_rates == [0, 0, 1] and true_rates == [1, 1, 1]
    assert thresholds == [0.9, 0.65, 0.4]


@pytest.fixture
def training_set(tmp_path):
    """Write three valid pairs that the tiny package labels Exact, Irrelevant, Irrelevant, and one of another split."""
    blank = dict.fromkeys(("brand", "category", "attributes"))
    titles = (("red", "Exact"), ("hose", "Irrelevant"), ("hose hose", "Complement"))
    rows = [
        training_row(query="", title=title, label=label, item_id=title, split="valid") | blank
        for title, label in titles
    ]
    contracts.write([*rows, training_row(split="train")], contracts.TRAINING_SET, tmp_path / "rows")
    return tmp_path / "rows"


def test_a_split_is_predicted_in_order(training_set, tmp_path):
    version = write_package(tmp_path / "package")
    result = predict(tmp_path / "package", training_set, "valid", tmp_path / "predictions")
    rows = contracts.read(contracts.PREDICTIONS, tmp_path / "predictions")
    assert [row["predicted_label"] for row in rows] == ["Exact", "Irrelevant", "Irrelevant"]
    assert (result.rows_in, result.rows_out, result.details["version"]) == (3, 3, version)
    assert result.headline == "accuracy 0.667, macro-F1 0.556"


def test_predictions_are_the_scorers_scores(training_set, tmp_path):
    write_package(tmp_path / "package")
    predict(tmp_path / "package", training_set, "valid", tmp_path / "predictions")
    pairs = [("", title) for title in ("red", "hose", "hose hose")]
    rows = contracts.read(contracts.PREDICTIONS, tmp_path / "predictions")
    assert [row["score"] for row in rows] == pytest.approx(Scorer(tmp_path / "package")(pairs).scores.tolist())
    assert len(rows[0]["probabilities"]) == 4


def test_a_split_without_a_pair_is_refused(training_set, tmp_path):
    with pytest.raises(ValueError, match="no pair in the split 'test': nothing to compare models on"):
        predict(tmp_path / "unused", training_set, "test", tmp_path / "predictions")
