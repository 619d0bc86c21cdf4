"""A teacher is held to its bounds: beside people, the commonest label, and the student that serves."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from components.contracts import LABELS
from components.metrics import BootstrapConfig, cohen_kappa
from components.teacher.config import QualificationConfig
from components.teacher.labeller import LabellerAnswer, confuse, measure_calibration
from components.teacher.qualification import qualify

FEW = BootstrapConfig(samples=200)
BOUNDS = QualificationConfig()
ALL_EXACT = {(f"q{n}", "i"): "Exact" for n in range(40)}


def answer_pairs(right: int, pairs: int = 40, **fields) -> dict:
    """Return answers to a pair a query, judged Exact and Irrelevant in turn, of which the first are right."""
    answers = {}
    for number in range(pairs):
        label = ("Exact", "Irrelevant")[number % 2]
        predicted_label = label if number < right else "Complement"
        answers[f"q{number}", "i"] = LabellerAnswer(label, predicted_label, **fields)
    return answers


def test_a_teacher_better_than_the_commonest_label_qualifies():
    result = qualify(answer_pairs(36), ALL_EXACT, BOUNDS, FEW)
    assert (result.measures.accuracy.estimate, result.commonest_accuracy.estimate) == (0.9, 0.5)
    assert result.over_commonest.estimate == 0.4 and result.over_commonest.low > 0
    assert result.refusal == result.rationales_refusal == result.labels_refusal == ""
    assert result.headline().startswith("the teacher qualifies: right on 90% of 40 held-out pairs, +40.0 points")


def test_a_teacher_near_chance_trains_nobody():
    result = qualify(answer_pairs(20), ALL_EXACT, BOUNDS, FEW)
    assert result.refusal == result.headline() != ""
    assert result.refusal.startswith("the teacher does not qualify: +0.0 points of accuracy (")
    assert "over always naming the commonest label, on 40 held-out pairs" in result.refusal


def test_labels_are_held_to_the_serving_student():
    answers = answer_pairs(36)
    perfect = {pair: answer.label for pair, answer in answers.items()}
    result = qualify(answers, perfect, BOUNDS, FEW)
    assert not result.rationales_refusal
    assert result.over_student.estimate == -0.1 and "over the student that serves" in result.labels_refusal


def test_bounds_are_stated_by_the_profile():
    strict = QualificationConfig(over_commonest=0.6)
    assert "has to lie above 60" in qualify(answer_pairs(36), ALL_EXACT, strict, FEW).refusal
    free = QualificationConfig(is_binding=False)
    result = qualify(answer_pairs(20), ALL_EXACT, free, FEW)
    assert not result.refusal and result.headline().endswith("it trains all the same, as the profile says")


def test_few_pairs_and_one_query_tell_nothing():
    assert "of which 20 are needed" in qualify(answer_pairs(10, 10), ALL_EXACT, BOUNDS, FEW).refusal
    one_query = {("q", f"i{n}"): LabellerAnswer("Exact", "Exact") for n in range(30)}
    assert "of one query, which give no interval" in qualify(one_query, {}, BOUNDS, FEW).refusal


def test_without_a_student_labels_do_not_qualify():
    result = qualify(answer_pairs(36), {}, BOUNDS, FEW)
    assert (result.student_accuracy, result.over_student) == (None, None)
    assert "no student scored these pairs" in result.labels_refusal


def test_a_pair_the_student_lacks_is_named():
    with pytest.raises(ValueError, match=r"not 1 held-out ones: \('q39', 'i'\)"):
        qualify(answer_pairs(36), dict.fromkeys(list(ALL_EXACT)[:39], "Exact"), BOUNDS, FEW)
    with pytest.raises(ValueError, match="no held-out pair was asked"):
        qualify({}, {}, BOUNDS, FEW)


def test_a_broken_form_is_wrong_and_counted():
    answers = answer_pairs(36) | {("q40", "i"): LabellerAnswer("Exact", None)}
    result = qualify(answers, {}, BOUNDS, FEW)
    assert (result.pairs, result.broken_answers) == (41, 1)
    assert result.measures.accuracy.estimate == round(36 / 41, 4)


def test_kappa_is_that_of_the_library():
    draw = np.random.default_rng(0)
    labels, predicted_labels = ([LABELS[n] for n in draw.integers(4, size=60)] for _ in range(2))
    answers = {
        (str(n), "i"): LabellerAnswer(*pair) for n, pair in enumerate(zip(labels, predicted_labels, strict=True))
    }
    whole = confuse(answers, {pair: answer.predicted_label for pair, answer in answers.items()}).sum(0)
    assert cohen_kappa(whole) == pytest.approx(cohen_kappa_score(labels, predicted_labels))
    assert cohen_kappa(np.diag([3, 0, 0, 0])) == 0  # one label alone: chance agrees always


def test_calibration_counts_answers_with_a_confidence():
    sure_and_half_right = answer_pairs(20, confidence=1.0)
    assert measure_calibration(sure_and_half_right, FEW).estimate == 0.5
    assert measure_calibration(answer_pairs(20), FEW) is None
    mixed = sure_and_half_right | {("q40", "i"): LabellerAnswer("Exact", "Exact")}
    assert measure_calibration(mixed, FEW).estimate == 0.5
