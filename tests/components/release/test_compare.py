"""Metrics and the intervals of their differences."""

import numpy as np
import pytest

from components import contracts
from components.packaging.evaluate import measure_predictions
from components.release.compare import Bootstrap, compare
from components.release.gate_verdict import Difference
from components.release.predictions import load_predictions
from tests.components.release import predictions

BOOTSTRAP = Bootstrap(samples=200, confidence=0.95, seed=7, minimum_slice_rows=50)


@pytest.fixture
def models(tmp_path):
    new = load_predictions(predictions.write(tmp_path / "new", 1.5))
    return new, load_predictions(predictions.write(tmp_path / "old", 1.0, seed=3))


def test_differences_are_those_of_the_metrics(models):
    overall = compare(*models, BOOTSTRAP).overall
    new, old = (model.metrics() for model in models)
    assert {name: gap.difference for name, gap in overall.items()} == pytest.approx(
        {name: new[name] - old[name] for name in new}
    )


def test_gate_and_package_measure_a_model_alike(models):
    names = ("accuracy", "macro_f1", "calibration_error")
    by_gate = models[0].metrics()
    by_package = measure_predictions(models[0].rows.to_pylist())
    assert [by_gate[name] for name in names] == pytest.approx([getattr(by_package, name) for name in names])


def test_every_interval_holds_its_difference(models):
    comparison = compare(*models, BOOTSTRAP)
    gaps = [comparison.overall["accuracy"], comparison.overall["macro_f1"], *comparison.slices]
    assert all(gap.low < gap.difference < gap.high for gap in gaps)
    assert compare(*models, BOOTSTRAP) == comparison  # the same seed


def test_a_model_does_not_differ_from_itself(models):
    overall = compare(models[0], models[0], BOOTSTRAP).overall
    assert all(gap == Difference(0, 0, 0) for gap in overall.values())


def test_equal_items_of_a_query_narrow_no_interval(tmp_path):
    right = np.random.default_rng(5).random(100) < 0.5

    def width(copies):
        rows = [_certain(f"q{q}", f"i{i}", right[q]) for q in range(100) for i in range(copies)]
        contracts.write(rows, contracts.PREDICTIONS, tmp_path / "new")
        contracts.write([row | {"predicted_label": "Exact"} for row in rows], contracts.PREDICTIONS, tmp_path / "old")
        models = [load_predictions(tmp_path / name) for name in ("new", "old")]
        gap = compare(*models, BOOTSTRAP).overall["accuracy"]
        return gap.high - gap.low

    assert width(10) == pytest.approx(width(1))


def _certain(query_id, item_id, right):
    names = dict.fromkeys(("query_class", "query_kind", "locale", "category"), "one")
    names |= {"query_id": query_id, "item_id": item_id}
    labels = {"label": "Exact", "predicted_label": "Exact" if right else "Irrelevant"}
    return names | labels | {"score": 0.0, "probabilities": [1.0, 0.0, 0.0, 0.0]}


def test_slices_are_by_column_and_none_is_small(models):
    slices = compare(*models, BOOTSTRAP).slices
    assert {part.slice for part in slices} == {"query_class", "query_kind", "locale", "label", "category"}
    assert {part.value for part in slices if part.slice == "category"} == {"Shoes", "Hats"}
    assert min(part.rows for part in slices) >= 50


def test_a_sure_and_right_model_is_calibrated(tmp_path):
    rows = [_certain(f"q{q}", "i1", right=True) for q in range(5)]
    contracts.write(rows, contracts.PREDICTIONS, tmp_path / "new")
    assert load_predictions(tmp_path / "new").metrics()["calibration_error"] == 0
