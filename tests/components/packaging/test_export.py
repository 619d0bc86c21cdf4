"""A graph leaves the extractor's last layer to those who ask for the reasoning, and says the same label without it."""

import pytest
import torch

from components.packaging.export import folded
from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.config import LrkdConfig
from components.student.model import Student, new_student

PAIRS = torch.randint(5, 900, (3, 7), generator=torch.Generator().manual_seed(0))
SIDES = torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * 3)
FEATURES = torch.rand(3, len(LEXICAL_FEATURES), generator=torch.Generator().manual_seed(0))
GIVEN = PAIRS, torch.ones_like(PAIRS), SIDES, FEATURES


def made(encoder: str, **config) -> Student:
    """A student whose head reads something of everything, as after a training."""
    torch.manual_seed(0)
    student = new_student(LrkdConfig(encoder=encoder, **config), 6).eval()
    torch.nn.init.normal_(student.classifier.weight)
    torch.nn.init.normal_(student.classifier.bias)
    return student


@pytest.mark.parametrize("variant", ["lrkd", "auxiliary"])
@pytest.mark.parametrize(
    "config",
    [
        *({"extractor": name} for name in ("mlp", "poly", "gat", "first")),
        {"extractor": "compare", "overlap": True},
        {"extractor": "compare", "overlap": True, "join_layer": 2},
        {"extractor": "compare", "overlap": True, "join_layer": 2, "match_width": 8},
        {"extractor": "compare", "join_layer": 2, "match_width": 8},
    ],
)
@torch.no_grad()
def test_without_the_last_layer_the_label_is_the_same_and_the_reasoning_one_product_away(encoder, config, variant):
    student = made(encoder, variant=variant, **config)
    logits, reasoning = student(*GIVEN)
    shortened, hidden = folded(student)(*GIVEN)
    torch.testing.assert_close(shortened, logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(student.extractor.out(hidden), reasoning, atol=1e-5, rtol=1e-5)


def test_the_student_itself_keeps_its_last_layer(encoder):
    student = made(encoder)
    folded(student)
    assert student(*GIVEN)[1].shape == (3, 6)
