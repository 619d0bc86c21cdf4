"""Projection and overlap head start from data, before the student is trained."""

import pytest
import torch
from datasets import Dataset
from torch import Tensor

from components.scoring.tokenizer import QueryTokens, lexical_features
from components.student.encoder import load_encoder
from components.student.late_interaction import LateInteractionStudent
from components.student.logits import predict_logits
from components.student.overlap_head import fit_overlap_head, init_projection_by_pca, initialise_late_interaction

RED, SHOE, HOSE, LACES, CLS, SEP = 2417, 10818, 21290, 26125, 101, 102
ITEMS = [[RED, SHOE, SEP], [SHOE, SEP], [LACES, SEP], [HOSE, LACES, HOSE, SEP]]  # all, some, none; and longer
QUERY = [CLS, RED, SHOE, SEP]


def examples(labels: list[int], copies: int = 8) -> Dataset:
    """Return pairs of one query with the items of these labels."""
    items = [ITEMS[label] for label in labels]
    columns = {"query": [QUERY] * len(labels), "item": items, "label": labels}
    columns["overlap"] = [lexical_features(QueryTokens(QUERY, ()), item) for item in items]
    columns |= {"teacher_label": [-100] * len(labels), "teacher_weight": [0.0] * len(labels)}
    columns["length"] = [len(QUERY) + len(item) for item in items]
    return Dataset.from_dict({name: values * copies for name, values in columns.items()})


def new_late_interaction(encoder: str, token_dim: int) -> LateInteractionStudent:
    loaded_encoder = load_encoder(encoder, 0.0)
    torch.manual_seed(0)
    return LateInteractionStudent(loaded_encoder, 6, token_dim).eval()


@pytest.fixture
def student(encoder) -> LateInteractionStudent:
    return new_late_interaction(encoder, 8)


def logits(student: LateInteractionStudent, pairs: Dataset) -> Tensor:
    return predict_logits(student, pairs["query"], pairs["item"], pairs["overlap"])


def test_before_training_the_overlap_head_predicts_labels(student):
    pairs = examples([3, 0, 2, 1])
    initialise_late_interaction(student, pairs, 0.0)
    assert logits(student, pairs).argmax(-1).tolist() == pairs["label"]


def test_a_rare_label_counts_by_the_power(student):
    pairs = examples([0, 0, 0, 0, 1, 2])
    probabilities = {}
    for power in (0.0, 1.0):
        fit_overlap_head(student, pairs, power)
        probabilities[power] = logits(student, pairs).softmax(-1)[:, 1].mean().item()
    assert probabilities[1.0] > probabilities[0.0]


def test_a_full_projection_keeps_every_cosine(encoder):
    student = new_late_interaction(encoder, 32)
    init_projection_by_pca(student, examples([0, 1, 2, 3]))
    weight = student.late_interaction.projection.weight  # a rotation
    torch.testing.assert_close(weight @ weight.T, torch.eye(32), atol=1e-4, rtol=0)


def test_a_narrow_projection_keeps_the_largest_directions(encoder):
    weights = []
    for token_dim in (32, 4):
        student = new_late_interaction(encoder, token_dim)
        init_projection_by_pca(student, examples([0, 1, 2, 3]))
        weights.append(student.late_interaction.projection.weight)
    torch.testing.assert_close((weights[1] @ weights[0].T).abs(), torch.eye(4, 32), atol=1e-3, rtol=0)


def test_an_absent_label_is_the_least_likely(student):
    pairs = examples([0, 1, 2])
    fit_overlap_head(student, pairs, 0.5)
    head = student.overlap_head
    assert logits(student, pairs)[:, 3].le(0).all()
    assert head.weight[3].eq(0).all()
    assert head.bias[3] == head.bias.min()


def test_two_labels_leave_the_head_at_zero(student):
    fit_overlap_head(student, examples([0, 1]), 0.5)
    assert not student.overlap_head.weight.any()
    assert not student.overlap_head.bias.any()


def with_teacher(labels: list[int], teacher_labels: list[int], weight: float) -> Dataset:
    """Return pairs of which the first are judged, and the others a teacher's."""
    pairs = examples([*labels, *teacher_labels])
    count = len(pairs) // (len(labels) + len(teacher_labels))
    columns = {
        "label": [*labels, *[-100] * len(teacher_labels)] * count,
        "teacher_label": [*[-100] * len(labels), *teacher_labels] * count,
        "teacher_weight": [*[0.0] * len(labels), *[weight] * len(teacher_labels)] * count,
    }
    pairs = pairs.remove_columns(list(columns))
    for name, values in columns.items():
        pairs = pairs.add_column(name, values)
    return pairs


def test_a_teachers_labels_fit_the_head_too(student):
    pairs = with_teacher([3, 0], [2, 1], 0.5)
    initialise_late_interaction(student, pairs, 0.0)
    assert logits(student, pairs).argmax(-1).tolist() == [3, 0, 2, 1] * 8


def test_a_teachers_label_fits_by_its_weight(student):
    probabilities = {}
    for weight in (0.01, 1.0):
        fit_overlap_head(student, with_teacher([0, 1, 2], [3, 3], weight), 0.5)
        pairs = examples([3])
        probabilities[weight] = logits(student, pairs).softmax(-1)[:, 3].mean().item()
    assert probabilities[0.01] < probabilities[1.0]
