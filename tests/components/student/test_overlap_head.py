"""The term of the numbers on a pair's tokens is fitted before the training, on the student's own cosine among them."""

from dataclasses import replace

import pytest
import torch
from datasets import Dataset

from components.scoring.tokenizer import QueryTokens, lexical_features
from components.student.logits import logits_of
from components.student.model import new_student
from components.student.overlap_head import fit_counted, narrow

RED, SHOE, HOSE, LACES, OPENS, ENDS = 2417, 10818, 21290, 26125, 101, 102
ITEMS = [[RED, SHOE, ENDS], [SHOE, ENDS], [LACES, ENDS], [HOSE, LACES, HOSE, ENDS]]  # all, some, none; and longer
QUERY = [OPENS, RED, SHOE, ENDS]


def examples(labels: list[int], copies: int = 8) -> Dataset:
    """Pairs of one query with the items of these labels."""
    items = [ITEMS[label] for label in labels]
    rows = {"query": [QUERY] * len(labels), "item": items, "label": labels}
    rows["overlap"] = [lexical_features(QueryTokens(QUERY, ()), item) for item in items]
    rows["length"] = [len(QUERY) + len(item) for item in items]
    return Dataset.from_dict({name: values * copies for name, values in rows.items()})


@pytest.fixture
def student(config):
    torch.manual_seed(0)
    return new_student(replace(config, extractor="compare", join_layer=2, overlap=True), 6)


def test_before_any_training_the_student_says_what_the_numbers_alone_tell(student):
    said = examples([3, 0, 2, 1])
    fit_counted(student, said, 0.0)
    assert logits_of(student, said["query"], said["item"], said["overlap"]).argmax(-1).tolist() == said["label"]


def test_a_rare_label_counts_as_much_as_the_power_says(student):
    said = examples([0, 0, 0, 0, 1, 2])
    logits = {}
    for power in (0.0, 1.0):
        fit_counted(student, said, power)
        logits[power] = logits_of(student, said["query"], said["item"], said["overlap"]).softmax(-1)[:, 1].mean().item()
    assert logits[1.0] > logits[0.0]


def test_tokens_are_first_matched_by_the_directions_in_which_they_lie(config):
    full = new_student(replace(config, extractor="compare", join_layer=2, match_width=32), 6)
    narrow(full, examples([0, 1, 2, 3]))
    weight = full.matcher.narrow.weight  # of all directions there are: a rotation, which keeps every cosine
    torch.testing.assert_close(weight @ weight.T, torch.eye(32), atol=1e-4, rtol=0)
    few = new_student(replace(config, extractor="compare", join_layer=2, match_width=4), 6)
    few.encoder.load_state_dict(full.encoder.state_dict())
    narrow(few, examples([0, 1, 2, 3]))
    torch.testing.assert_close((few.matcher.narrow.weight @ weight.T).abs(), torch.eye(4, 32), atol=1e-3, rtol=0)


def test_a_label_that_is_not_there_is_the_least_likely(student):
    said = examples([0, 1, 2])
    fit_counted(student, said, 0.5)
    assert logits_of(student, said["query"], said["item"], said["overlap"])[:, 3].le(0).all()
    assert student.counted.weight[3].eq(0).all() and student.counted.bias[3] == student.counted.bias.min()


def test_with_two_labels_there_is_too_little_to_go_by_and_it_starts_from_nothing(student):
    fit_counted(student, examples([0, 1]), 0.5)
    assert not student.counted.weight.any() and not student.counted.bias.any()
