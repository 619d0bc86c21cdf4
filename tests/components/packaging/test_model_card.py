"""The model card: what a student is made of, how good it is, and what it is not for."""

import json
from types import SimpleNamespace

import pytest

from components.packaging.model_card import measure_slices, model_card


@pytest.mark.slow
def test_the_card_says_how_good_a_student_is(cross_encoder_package):
    folder, details = cross_encoder_package
    card = (folder / "model_card.md").read_text()
    assert f"| {100 * details['accuracy']:.1f}% | {100 * details['macro_f1']:.1f}% |" in card
    assert "| label Exact | 6 |" in card and "Not for decisions about people" in card
    assert "{{" not in card and "None" not in card


@pytest.mark.slow
def test_the_card_says_how_a_student_is_made(cross_encoder_package):
    folder, details = cross_encoder_package
    card = (folder / "model_card.md").read_text()
    assert "| valid | 6 | 6 | 6 | 6 | 6 |" in card and "24 attributes" in card and "lambda 1.0" in card
    assert 0 < details["rationales"] < 24 and f"from the {details['rationales']} whose label is the judged" in card


def test_slice_names_hold_no_markup():
    rows = [{"label": "Exact", "predicted_label": "Exact", "query_class": "tail", "locale": "us|<b>\n| x"}]
    assert set(measure_slices(rows)) == {"label Exact", "query class tail", "locale us x"}


@pytest.mark.slow
def test_the_card_names_a_teachers_labels(cross_encoder_package):
    folder, details = cross_encoder_package
    usage = {"unjudged": 1200, "labelled": 1100, "labelled_by": ["digest"], "mean_confidence": 0.875}
    lineage = json.loads((folder / "lineage.json").read_text()) | {"unjudged_pairs": usage}
    config = json.loads((folder / "config.json").read_text()) | {"align_weight": 0.0}
    card = model_card(config, SimpleNamespace(**details), lineage)
    assert "# Relevance student (cross-entropy with labels of unjudged pairs)" in card
    assert "1200 were trained on, 1100 of them by a label that no person gave" in card
    assert "(mean confidence 0.88; given by digest)" in card
