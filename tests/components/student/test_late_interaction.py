"""Query and item are encoded separately, then compared by means, tokens and shared words."""

import pytest
import torch

from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.encoder import load_encoder
from components.student.late_interaction import InteractionExtractor, LateInteractionStudent

OVERLAP = torch.linspace(0, 1, len(LEXICAL_FEATURES)).unsqueeze(0)


@pytest.fixture
def student(encoder) -> LateInteractionStudent:
    loaded_encoder = load_encoder(encoder, 0.0)
    torch.manual_seed(0)
    return LateInteractionStudent(loaded_encoder, 6, token_dim=8).eval()


def pair(*query: int) -> dict[str, torch.Tensor]:
    """Return a pair of this query and always the same item."""
    ids = torch.tensor([[*query, 900, 901, 902, 903]])
    segments = torch.tensor([[0] * len(query) + [1] * 4])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": segments}


def test_each_pair_gets_logits_and_reasoning(student):
    logits, reasoning = student(**pair(101, 500, 102), overlap=OVERLAP)
    assert logits.shape == (1, 4)
    assert reasoning.shape == (1, 6)


def test_an_item_is_encoded_alike_beside_every_query(student):
    states = [student.encode_separately(**tokens)[:, -4:] for tokens in (pair(101, 500, 102), pair(101, 7, 8, 9, 102))]
    torch.testing.assert_close(*states, atol=1e-5, rtol=1e-5)


def test_the_query_matters(student):
    answers = [student(**pair(101, query, 102), overlap=OVERLAP)[1] for query in (500, 501)]
    assert not torch.allclose(*answers, atol=1e-4)


def test_shared_words_matter(student):
    answers = [student(**pair(101, 500, 102), overlap=overlap)[0] for overlap in (OVERLAP, 1 - OVERLAP)]
    assert not torch.allclose(*answers, atol=1e-4)


def test_padding_changes_no_answer(student):
    tokens = pair(101, 500, 102)
    padded = {name: torch.nn.functional.pad(values, (0, 3)) for name, values in tokens.items()}
    alone = student(**tokens, overlap=OVERLAP)
    for values, padded_values in zip(alone, student(**padded, overlap=OVERLAP), strict=True):
        torch.testing.assert_close(padded_values, values, atol=1e-5, rtol=1e-5)


def test_at_the_papers_widths_the_extractor_stays_small():
    extractor = InteractionExtractor(768, 64, 1024)
    assert sum(weight.numel() for weight in extractor.parameters()) < 1_000_000


def test_a_seed_gives_the_same_answers_as_before(student):
    logits, reasoning = student(**pair(101, 500, 102), overlap=OVERLAP)
    torch.testing.assert_close(logits, torch.tensor([[0.04457, 0.10181, 0.13496, 0.10793]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        reasoning, torch.tensor([[0.00033, 0.16461, 0.08901, -0.14983, 0.1318, 0.16467]]), atol=1e-4, rtol=0
    )
