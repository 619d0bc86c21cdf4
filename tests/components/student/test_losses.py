"""The student's losses in numbers that a reader checks by hand."""

import math

import pytest
import torch

from components.student.config import LrkdConfig
from components.student.losses import alignment, class_weights, second_term, soft_labels

REASONING = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
TARGETS = torch.tensor([[0.0, 3.0], [0.0, 4.0]])
BOTH = torch.tensor([True, True])


def distance(known=BOTH, reasoning=REASONING, **config) -> float:
    return alignment(reasoning, TARGETS, known, LrkdConfig(**config)).item()


@pytest.mark.parametrize(
    ("config", "by_hand"),
    [
        ({}, (1 + 0) / 2),  # cosines 0 and 1
        ({"reduction": "sum"}, ((1 + 1) + (0 + 1)) / 2),  # targets at length one: (0, 1) and (0, 1)
        ({"reduction": "mean"}, ((1 + 1) / 2 + (0 + 1) / 2) / 2),
        ({"reduction": "sum", "normalise": False}, ((1 + 9) + (0 + 4)) / 2),
        ({"reduction": "mean", "normalise": False}, ((1 + 9) / 2 + (0 + 4) / 2) / 2),
    ],
)
def test_each_reduction_of_the_alignment_is_what_a_hand_computes(config, by_hand):
    assert distance(**config) == pytest.approx(by_hand)


def test_the_alignment_is_averaged_over_the_pairs_that_have_a_rationale():
    assert distance(torch.tensor([True, False])) == pytest.approx(1)
    assert distance(torch.tensor([False, True])) == pytest.approx(0)


def test_without_any_rationale_the_alignment_is_zero_and_a_number():
    assert distance(torch.tensor([False, False])) == 0


@pytest.mark.parametrize("reduction", ["cosine", "mean", "sum"])
def test_a_pair_without_a_rationale_gets_no_gradient(reduction):
    reasoning = torch.tensor([[1.0, 0.5], [0.0, 2.0]], requires_grad=True)
    targets = torch.tensor([[0.0, 3.0], [0.0, 0.0]])
    config = LrkdConfig(reduction=reduction)
    alignment(reasoning, targets, torch.tensor([True, False]), config).backward()
    assert reasoning.grad[0].abs().sum() > 0 and reasoning.grad[1].tolist() == [0, 0]


def test_soft_labels_cost_what_the_teachers_probabilities_say():
    logits, teacher = torch.zeros(2, 4), torch.tensor([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    assert soft_labels(logits, teacher, BOTH).item() == pytest.approx(math.log(4))
    sure = torch.tensor([[9.0, 0, 0, 0]])
    assert soft_labels(sure, teacher[:1], BOTH[:1]).item() < 0.001


def test_each_variant_has_its_second_term():
    batch = {"targets": TARGETS, "probabilities": torch.full((2, 4), 0.25), "known": BOTH}
    output = torch.zeros(2, 4), REASONING
    assert second_term(output, batch, LrkdConfig(variant="lrkd")).item() == pytest.approx(0.5)
    assert second_term(output, batch, LrkdConfig(variant="soft_labels")).item() == pytest.approx(math.log(4))
    with pytest.raises(ValueError, match="variant is 'kd': choose of lrkd, cross_entropy, soft_labels, auxiliary"):
        second_term(output, batch, LrkdConfig(variant="kd"))


def test_balanced_classes_weigh_the_same_altogether_and_a_pair_one_on_average():
    weights = class_weights(torch.tensor([0, 0, 0, 1]), 4, 1)
    assert weights[0].item() == pytest.approx(2 / 3) and weights[1].item() == pytest.approx(2)
    rooted = class_weights(torch.tensor([0, 0, 0, 0, 1]), 4, 0.5)
    assert (rooted[1] / rooted[0]).item() == pytest.approx(2) and (4 * rooted[0] + rooted[1]).item() == pytest.approx(5)
    assert class_weights(torch.tensor([0, 1]), 4, 0) is None
    for power in (-0.5, 2, "root"):
        with pytest.raises(ValueError, match=f"class_weights is {power!r}: give a power from 0, none, to 1, balanced"):
            class_weights(torch.tensor([0]), 4, power)
