"""Judged pairs are read more often where few are judged, and each pair is aligned once."""

from collections import Counter

import pytest
from datasets import Dataset

from components.student.dataset import UNJUDGED
from components.student.repeats import repeat_labelled


def examples(labels: list[int]) -> Dataset:
    row = {"query": [1], "item": [2, 3], "overlap": [0.0], "rationale_embedding": [1.0], "has_rationale": True}
    row |= {"teacher_label": UNJUDGED, "teacher_weight": 0.0}
    rows = [row | {"length": number, "label": label} for number, label in enumerate(labels)]
    return Dataset.from_list(rows)


def test_half_of_what_is_read_is_judged():
    repeated = repeat_labelled(examples([0, 3] + [UNJUDGED] * 10))
    assert Counter(label >= 0 for label in repeated["label"]) == {True: 10, False: 10}
    assert Counter(repeated["label"])[0] == Counter(repeated["label"])[3] == 5


def test_a_copy_is_not_aligned_again():
    repeated = repeat_labelled(examples([0, 3] + [UNJUDGED] * 10))
    assert Counter(
        length for length, row in zip(repeated["length"], repeated["has_rationale"], strict=True) if row
    ) == (Counter(range(12)))


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 1, UNJUDGED]])
def test_enough_judged_pairs_are_read_once(labels):
    rows = examples(labels)
    assert repeat_labelled(rows) is rows


def test_a_teachers_labels_are_labels_enough():
    rows = examples([0, UNJUDGED, UNJUDGED, UNJUDGED, UNJUDGED])
    labelled = rows.remove_columns("teacher_weight").add_column("teacher_weight", [0.0, 0.5, 0.5, 0.5, 0.5])
    assert repeat_labelled(labelled) is labelled and len(repeat_labelled(rows)) == 8
