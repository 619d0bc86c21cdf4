"""The LRKD loss in numbers that a reader checks by hand, and the student's shapes."""

import math

import pytest
import torch

from components.student.model import LrkdConfig, alignment, lrkd_terms, new_student

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


def test_a_student_that_knows_nothing_pays_the_log_of_the_number_of_labels():
    output, labels = (torch.zeros(2, 4), REASONING), torch.tensor([0, 3])
    cross_entropy, aligned = lrkd_terms(output, labels, TARGETS, BOTH, LrkdConfig())
    assert cross_entropy.item() == pytest.approx(math.log(4)) and aligned.item() == pytest.approx(0.5)


def test_the_configuration_travels_as_json_text_and_refuses_what_it_does_not_know():
    config = LrkdConfig(encoder="tiny", epochs=0.5)
    assert LrkdConfig.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match=r"LrkdConfig has no field \['lambda'\]"):
        LrkdConfig.from_json('{"lambda": 0.1}')


def test_a_student_gives_four_logits_and_a_reasoning_vector_for_each_pair(encoder):
    torch.manual_seed(0)
    student = new_student(LrkdConfig(encoder=encoder), 6).eval()
    tokens = torch.randint(5, 900, (3, 7))
    logits, reasoning = student(tokens, torch.ones_like(tokens), torch.zeros_like(tokens))
    assert logits.shape == (3, 4) and reasoning.shape == (3, 6)
