"""Measures agree with hand counts and with scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, ndcg_score

from components import metrics
from components.contracts import LABELS

FEW = metrics.BootstrapConfig(samples=200)


def random_labels(seed: int) -> list[str]:
    return [LABELS[number] for number in np.random.default_rng(seed).integers(4, size=60)]


def test_measures_are_those_of_scikit_learn():
    judged = random_labels(0)
    predicted = random_labels(1)
    confusion = metrics.confusion_matrix(judged, predicted)
    assert metrics.accuracy(confusion) == pytest.approx(accuracy_score(judged, predicted))
    assert metrics.balanced_accuracy(confusion) == pytest.approx(balanced_accuracy_score(judged, predicted))
    assert metrics.macro_f1(confusion) == pytest.approx(f1_score(judged, predicted, average="macro"))


def test_absent_labels_do_not_count():
    confusion = metrics.confusion_matrix(["Exact", "Exact", "Irrelevant"], ["Exact", "Irrelevant", "Irrelevant"])
    assert metrics.macro_f1(confusion) == pytest.approx(2 / 3)


def test_answers_that_are_no_label_are_wrong():
    confusion = np.array([[1, 0, 1], [0, 2, 0]])
    assert metrics.accuracy(confusion) == 0.75
    assert metrics.balanced_accuracy(confusion) == 0.75
    assert metrics.macro_f1(confusion) == pytest.approx((2 / 3 + 1) / 2)


def test_calibration_error_is_the_mean_gap():
    sums = metrics.calibration_sums(np.array([0.5, 0.5, 1.0]), np.array([True, False, False]))
    assert metrics.calibration_error(sums.sum(axis=0)) == pytest.approx(1 / 3)


def test_ndcg_needs_three_items_and_a_gain():
    gains = metrics.LABEL_GAINS[[3, 0, 1]]
    assert metrics.ndcg(gains, np.array([3.0, 2.0, 1.0])) == pytest.approx(ndcg_score([[0, 1, 0.1]], [[3, 2, 1]]))
    assert np.isnan(metrics.ndcg(gains[:2], np.array([2.0, 1.0])))
    assert np.isnan(metrics.ndcg(np.zeros(3), np.array([3.0, 2.0, 1.0])))


def test_ndcg_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for items in range(3, 40):
        gains = metrics.LABEL_GAINS[np.r_[0, rng.integers(4, size=items - 1)]]
        scores = rng.integers(1 + items // 2, size=items) / 7  # many are tied
        assert metrics.ndcg(gains, scores) == pytest.approx(ndcg_score([gains], [scores], k=10), abs=1e-12)


def test_an_interval_holds_its_estimate_and_repeats():
    queries = np.array([[[2, number % 2], [number % 3, 1]] for number in range(30)])
    interval = metrics.bootstrap_interval(queries, metrics.accuracy, FEW)
    assert interval == metrics.bootstrap_interval(queries, metrics.accuracy, FEW)
    assert interval.low < interval.estimate < interval.high


def test_one_query_has_no_interval():
    interval = metrics.bootstrap_interval(np.array([[[1, 0], [0, 1]]]), metrics.accuracy, FEW)
    assert interval == metrics.Interval(1.0, None, None)


def test_a_paired_difference_from_itself_is_zero():
    queries = np.array([[[2, number % 2], [number % 3, 1]] for number in range(30)])
    assert metrics.bootstrap_interval(queries, metrics.macro_f1, FEW, queries) == metrics.Interval(0.0, 0.0, 0.0)
