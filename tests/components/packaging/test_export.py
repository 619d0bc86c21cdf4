"""A graph gives the same label without the extractor's last layer, which explanations apply themselves."""

import pytest
import torch

from components.packaging.export import fold_output_layer
from components.packaging.page_interaction import PageInteraction
from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.config import LrkdConfig
from components.student.late_interaction import Side
from components.student.model import Student, new_student

GENERATOR = torch.Generator().manual_seed(0)
IDS = torch.randint(5, 900, (3, 7), generator=GENERATOR)
INPUTS = {
    "input_ids": IDS,
    "attention_mask": torch.ones_like(IDS),
    "token_type_ids": torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * 3),
    "overlap": torch.rand(3, len(LEXICAL_FEATURES), generator=GENERATOR),
}


def new_random_student(encoder: str, **config) -> Student:
    """Return a student whose head reads all its inputs, as after a training."""
    torch.manual_seed(0)
    student = new_student(LrkdConfig(encoder=encoder, **config), 6).eval()
    torch.nn.init.normal_(student.classifier.weight)
    torch.nn.init.normal_(student.classifier.bias)
    return student


def answer(student: Student) -> tuple[torch.Tensor, torch.Tensor]:
    return student(**{name: INPUTS[name] for name in student.inputs})


@pytest.mark.parametrize(
    "config",
    [{"extractor": "mlp"}, {"extractor": "poly"}, {"extractor": "gat"}, {"architecture": "late_interaction"}],
)
@torch.no_grad()
def test_folding_keeps_the_logits_and_the_reasoning(encoder, config):
    student = new_random_student(encoder, **config)
    logits, reasoning = answer(student)
    folded_logits, inner = answer(fold_output_layer(student))
    torch.testing.assert_close(folded_logits, logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(student.extractor.out(inner), reasoning, atol=1e-5, rtol=1e-5)


def test_the_student_keeps_its_output_layer(encoder):
    student = new_random_student(encoder)
    fold_output_layer(student)
    assert answer(student)[1].shape == (3, 6)


@torch.no_grad()
def test_a_page_scores_as_its_pairs_do(encoder):
    student = fold_output_layer(new_random_student(encoder, architecture="late_interaction"))
    tokens = {name: INPUTS[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
    query, item = student.split_sides(student.encode_separately(**tokens), *list(tokens.values())[1:])
    shared_query = Side(query.mean[:1], query.tokens[:1])
    repeated_query = Side(query.mean[:1].expand(3, -1), query.tokens[:1].expand(3, -1, -1))
    graph = PageInteraction(student)
    for left, right in ((query, query), (shared_query, repeated_query)):
        outputs = graph(*left, *item, INPUTS["overlap"])
        expected = student.interact(right, item, INPUTS["overlap"])
        for output, each in zip(outputs, expected, strict=True):
            torch.testing.assert_close(output, each, atol=1e-4, rtol=1e-4)
