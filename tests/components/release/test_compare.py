"""Metrics and the intervals of their differences."""

import numpy as np
import pytest

from components import contracts
from components.packaging.evaluate import measures
from components.release.compare import Bootstrap, differences, load, metrics_of
from tests.components.release import predictions

BOOTSTRAP = Bootstrap(samples=200, confidence=0.95, seed=7, minimum_slice_rows=50)


@pytest.fixture
def two(tmp_path):
    return load(predictions.write(tmp_path / "new", 1.5)), load(predictions.write(tmp_path / "old", 1.0, seed=3))


def test_differences_are_those_of_the_librarys_metrics(two):
    found, _ = differences(*two, BOOTSTRAP)
    new, old = map(metrics_of, two)
    assert {name: gap["difference"] for name, gap in found.items()} == pytest.approx(
        {name: new[name] - old[name] for name in new}
    )


def test_the_gate_says_the_same_of_a_model_as_its_package_does(two):
    names = ("accuracy", "macro_f1", "calibration_error")
    found, told = metrics_of(two[0]), measures(two[0].rows.to_pylist())
    assert [found[name] for name in names] == pytest.approx([told[name] for name in names])


def test_every_interval_holds_its_difference_and_is_the_same_for_the_same_seed(two):
    found, slices = differences(*two, BOOTSTRAP)
    assert all(gap["low"] < gap["difference"] < gap["high"] for gap in [found["accuracy"], found["macro_f1"], *slices])
    assert differences(*two, BOOTSTRAP) == (found, slices)


def test_a_model_does_not_differ_from_itself(two):
    found, _ = differences(two[0], two[0], BOOTSTRAP)
    assert all(gap == {"difference": 0, "low": 0, "high": 0} for gap in found.values())


def test_whole_queries_are_drawn_so_equal_items_of_a_query_do_not_narrow_the_interval(tmp_path):
    right = np.random.default_rng(5).random(100) < 0.5

    def width(copies):
        rows = [_certain(f"q{q}", f"i{i}", right[q]) for q in range(100) for i in range(copies)]
        contracts.write(rows, contracts.PREDICTIONS, tmp_path / "new")
        contracts.write([row | {"predicted_label": "Exact"} for row in rows], contracts.PREDICTIONS, tmp_path / "old")
        gap = differences(load(tmp_path / "new"), load(tmp_path / "old"), BOOTSTRAP)[0]["accuracy"]
        return gap["high"] - gap["low"]

    assert width(10) == pytest.approx(width(1))


def _certain(query_id, item_id, right):
    names = dict.fromkeys(("query_class", "query_kind", "locale", "category"), "one")
    names |= {"query_id": query_id, "item_id": item_id}
    said = {"label": "Exact", "predicted_label": "Exact" if right else "Irrelevant", "score": 0.0}
    return names | said | {"probabilities": [1.0, 0.0, 0.0, 0.0]}


def test_slices_are_by_class_and_kind_locale_label_and_top_category_and_none_is_small(two):
    _, slices = differences(*two, BOOTSTRAP)
    assert {part["slice"] for part in slices} == {"query_class", "query_kind", "locale", "label", "category"}
    assert {part["value"] for part in slices if part["slice"] == "category"} == {"Shoes", "Hats"}
    assert min(part["rows"] for part in slices) >= 50


def test_a_constant_that_is_always_right_when_it_says_so_is_calibrated(tmp_path):
    rows = [_certain(f"q{q}", "i1", right=True) for q in range(5)]
    contracts.write(rows, contracts.PREDICTIONS, tmp_path / "new")
    assert metrics_of(load(tmp_path / "new"))["calibration_error"] == 0
