"""An explanation argues for the label that the student predicts."""

import numpy as np

from components.contracts import LABELS
from components.scoring.scorer import Scores
from serving.explain import Explainer
from tests.serving.conftest import nearest


def explain(label: str, lookup=nearest) -> dict:
    probabilities = np.array([[float(name == label) for name in LABELS]], np.float32)
    scores = Scores(LABELS, probabilities, np.ones((1, 2), np.float32))
    (explanation,) = Explainer(lookup)(["i1"], scores, [{"price": 1.0}])
    return explanation


def test_a_rationale_of_another_label_is_not_shown():
    for label in ("Exact", "Irrelevant"):
        explanation = explain(label)
        assert [rationale["predicted_label"] for rationale in explanation["rationales"]] == [label]
        assert explanation["reason"] is None


def test_without_a_matching_rationale_the_reason_is_given():
    explanation = explain("Complement")
    assert explanation["rationales"] == [] and explanation["label"] == "Complement"
    assert explanation["reason"] == "the nearest rationales argue for Exact, Irrelevant, not for Complement"


def test_without_any_rationale_the_reason_is_given():
    explanation = explain("Exact", lambda reasoning, k: [[]] * len(reasoning))
    assert explanation["rationales"] == [] and explanation["reason"] == "this version has no rationales"
