"""What the report reads from a run's predictions: macro-F1 with intervals over queries."""

import pytest

from components import contracts
from pipelines.report.evidence import measure_macro_f1

SHOWN = {"Exact": "shoe", "Irrelevant": "hose"}


def write_predictions(path, queries: int, wrong: int) -> None:
    """Write an Exact and an Irrelevant item a query, where the first `wrong` queries swap both labels."""
    rows = []
    for number in range(queries):
        predicted_labels = reversed(SHOWN) if number < wrong else SHOWN
        for (label, item), predicted_label in zip(SHOWN.items(), predicted_labels, strict=True):
            row = dict.fromkeys(contracts.PREDICTIONS.names, "")
            row |= {"query_id": f"q{number}", "item_id": item, "label": label, "predicted_label": predicted_label}
            rows.append(row | {"probabilities": [1.0, 0.0, 0.0, 0.0], "score": 0.5})
    contracts.write(rows, contracts.PREDICTIONS, path)


@pytest.fixture
def predictions(tmp_path):
    for name, wrong in {"LRKD": 0, "plain": 5, "baseline": 0}.items():
        write_predictions(tmp_path / name, 20, wrong)
    return {name: tmp_path / name for name in ("LRKD", "plain", "baseline")}


def test_macro_f1_has_an_interval_over_queries(predictions):
    scores = measure_macro_f1(predictions)
    assert scores["LRKD"] == {"estimate": 1.0, "low": 1.0, "high": 1.0}
    assert scores["plain"]["estimate"] == 0.75  # both labels: 15 of 20 right
    assert scores["plain"]["low"] < 0.75 < scores["plain"]["high"] < 1


def test_the_gain_is_paired_over_queries(predictions):
    gain = measure_macro_f1(predictions)["LRKD over plain"]
    assert gain["estimate"] == 0.25 and 0 < gain["low"] < 0.25 < gain["high"]


def test_without_a_plain_student_no_gain_is_named(predictions):
    del predictions["plain"]
    assert measure_macro_f1(predictions).keys() == {"LRKD", "baseline"}
