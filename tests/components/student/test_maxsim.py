"""A query's tokens are matched with the item's one by one, whatever else is in the batch."""

import pytest
import torch

from components.student.maxsim import MAXSIM_FEATURES, LateInteraction, maxsim_features, word_mask

RED, SHOE, BLUE = torch.eye(3)
NO_WORD = torch.zeros(3)


def side(*vectors: torch.Tensor) -> torch.Tensor:
    """Return one text's vectors, (1, T, 3)."""
    return torch.stack(vectors).unsqueeze(0)


@pytest.fixture
def late_interaction() -> LateInteraction:
    torch.manual_seed(0)
    return LateInteraction(8, 3)


def test_cls_and_sep_are_no_words():
    mask = torch.tensor([[1, 1, 1, 1, 1, 1, 0]])
    segments = torch.tensor([[0, 0, 0, 1, 1, 1, 0]])
    assert word_mask(mask, segments).tolist() == [[False, True, False, True, True, False, False]]


def test_an_item_alone_opens_with_a_word():
    assert word_mask(torch.ones(1, 3), torch.ones(1, 3)).tolist() == [[True, True, False]]


def test_features_summarise_each_tokens_best_match(late_interaction):
    features, _ = late_interaction(side(SHOE, RED), side(SHOE, BLUE))  # the item lacks the query's last word, red
    torch.testing.assert_close(features, torch.tensor([[0.5, 0.0, 0.0, 1.0, 0.5]]))


def test_padding_is_not_the_last_word(late_interaction):
    features, _ = late_interaction(side(RED, SHOE, NO_WORD), side(SHOE, BLUE, NO_WORD, NO_WORD))
    torch.testing.assert_close(features, torch.tensor([[0.5, 0.0, 1.0, 1.0, 0.5]]))


def test_padding_changes_no_comparison(late_interaction):
    alone = late_interaction(side(RED, SHOE), side(SHOE, BLUE))
    padded_query = side(RED, SHOE, NO_WORD, NO_WORD)
    padded_item = side(NO_WORD, SHOE, BLUE, *[NO_WORD] * 40)
    torch.testing.assert_close(late_interaction(padded_query, padded_item), alone)


def test_a_side_without_words_matches_nothing(late_interaction):
    features, comparison = late_interaction(side(RED), side(NO_WORD))
    assert features.tolist() == [[-1.0, -1.0, -1.0, -1.0, 0.0]]
    assert comparison.isfinite().all()


def test_another_word_changes_the_comparison(late_interaction):
    _, blue = late_interaction(side(RED, SHOE), side(BLUE, SHOE))
    _, red = late_interaction(side(RED, SHOE), side(RED, SHOE))
    assert (blue - red).abs().max() > 0.01


def test_there_are_five_features():
    mask = torch.ones(2, 3, dtype=torch.bool)
    assert maxsim_features(torch.rand(2, 3, 3), mask, mask).shape == (2, MAXSIM_FEATURES)
