"""The student's losses in numbers that a reader checks by hand."""

import math

import pytest
import torch

from components.student.losses import class_weights, distillation_loss, pair_weights, weighed_cross_entropy

REASONING = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
RATIONALES = torch.tensor([[0.0, 3.0], [0.0, 4.0]])


@pytest.mark.parametrize(
    ("has_rationale", "by_hand"),
    [([True, True], (1 + 0) / 2), ([True, False], 1), ([False, True], 0), ([False, False], 0)],
)
def test_distillation_averages_cosine_distances_of_pairs_with_rationales(has_rationale, by_hand):
    loss = distillation_loss(REASONING, RATIONALES, torch.tensor(has_rationale))
    assert loss.item() == pytest.approx(by_hand)


def test_a_pair_without_a_rationale_gets_no_gradient():
    reasoning = torch.tensor([[1.0, 0.5], [0.0, 2.0]], requires_grad=True)
    rationales = torch.tensor([[0.0, 3.0], [0.0, 0.0]])
    distillation_loss(reasoning, rationales, torch.tensor([True, False])).backward()
    assert reasoning.grad[0].abs().sum() > 0
    assert reasoning.grad[1].tolist() == [0, 0]


def test_balanced_classes_weigh_the_same_altogether():
    weights = class_weights(torch.tensor([0, 0, 0, 1]), 4, 1)
    assert weights[0].item() == pytest.approx(2 / 3)
    assert weights[1].item() == pytest.approx(2)
    rooted = class_weights(torch.tensor([0, 0, 0, 0, 1]), 4, 0.5)
    assert (rooted[1] / rooted[0]).item() == pytest.approx(2)
    assert (4 * rooted[0] + rooted[1]).item() == pytest.approx(5)  # one a pair on average


def test_power_zero_weighs_every_pair_alike():
    assert class_weights(torch.tensor([0, 1]), 4, 0) is None


@pytest.mark.parametrize("power", [-0.5, 2, "root"])
def test_a_power_outside_zero_to_one_is_refused(power):
    with pytest.raises(ValueError, match=f"class_weights is {power!r}: give a power from 0, none, to 1, balanced"):
        class_weights(torch.tensor([0]), 4, power)


def loss_by_weights(logits, labels, weights, mean_weight, label_weights=None):
    return weighed_cross_entropy(logits, torch.tensor(labels), torch.tensor(weights), label_weights, mean_weight)


def test_a_pair_weighs_one_or_as_its_teacher():
    weights = pair_weights(torch.tensor([2, -100, -100]), torch.tensor([0.0, 0.25, 0.0]))
    assert weights.tolist() == [1.0, 0.25, 0.0]


def test_pairs_without_a_label_teach_none():
    logits = torch.tensor([[0.0, 0.0], [9.0, -9.0]], requires_grad=True)
    loss = loss_by_weights(logits, [0, -100], [1.0, 0.0], 0.5)
    assert loss.item() == pytest.approx(math.log(2))
    loss.backward()
    assert logits.grad[0].abs().sum() > 0 and logits.grad[1].tolist() == [0, 0]


def test_each_judged_pair_counts_the_same():
    logits = torch.zeros(4, 2)
    few = loss_by_weights(logits, [0, -100, -100, -100], [1.0, 0.0, 0.0, 0.0], 0.5)
    many = loss_by_weights(logits, [0, 1, 1, -100], [1.0, 1.0, 1.0, 0.0], 0.5)
    assert few.item() / 1 == pytest.approx(many.item() / 3)


def test_a_batch_without_labels_has_no_loss():
    logits = torch.ones(2, 2, requires_grad=True)
    loss = loss_by_weights(logits, [-100, -100], [0.0, 0.0], 0.5)
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_a_teachers_label_counts_by_its_weight():
    logits = torch.zeros(2, 2, requires_grad=True)
    loss = loss_by_weights(logits, [0, 1], [1.0, 0.25], 0.625)
    assert loss.item() == pytest.approx(math.log(2))  # a weighed mean
    loss.backward()
    assert (logits.grad[0].abs() / logits.grad[1].abs()).tolist() == pytest.approx([4.0, 4.0])


def test_judged_pairs_alone_have_the_usual_loss():
    logits = torch.tensor([[0.5, 0.0], [0.0, 2.0], [1.0, 0.0]])
    label_weights = torch.tensor([0.5, 2.0])
    usual = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1]), label_weights)
    loss = loss_by_weights(logits, [0, 1, 1], [1.0, 1.0, 1.0], 1.0, label_weights)
    assert loss.item() == pytest.approx(usual.item())


def test_class_weights_count_judged_pairs_alone():
    unjudged = torch.tensor([0, 0, 0, 1, -100, -100])
    assert torch.equal(class_weights(unjudged, 4, 1), class_weights(unjudged[:4], 4, 1))
