"""A query's tokens are matched with the item's one by one, whatever stands beside them in the batch."""

import pytest
import torch

from components.student.config import LrkdConfig
from components.student.late_interaction import Matcher, matches, words
from components.student.model import new_student

RED, SHOE, BLUE = torch.eye(3)
NOTHING = torch.zeros(3)


def side(*vectors: torch.Tensor) -> torch.Tensor:
    """One text's vectors, (1, T, 3)."""
    return torch.stack(vectors).unsqueeze(0)


@pytest.fixture
def matcher() -> Matcher:
    torch.manual_seed(0)
    return Matcher(8, 3)


def test_what_opens_a_query_or_ends_a_side_is_no_word():
    mask, segments = torch.tensor([[1, 1, 1, 1, 1, 1, 0]]), torch.tensor([[0, 0, 0, 1, 1, 1, 0]])
    assert words(mask, segments).tolist() == [[False, True, False, True, True, False, False]]


def test_an_item_that_is_read_alone_begins_with_a_word():
    assert words(torch.ones(1, 3), torch.ones(1, 3)).tolist() == [[True, True, False]]


def test_the_numbers_say_how_like_each_token_is_to_the_one_most_like_it(matcher):
    found, _ = matcher(side(SHOE, RED), side(SHOE, BLUE))  # the query's last word, red, is not there
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.0, 0.0, 1.0, 0.5]]))


def test_the_last_word_counts_and_not_the_padding_behind_it(matcher):
    found, _ = matcher(side(RED, SHOE, NOTHING), side(SHOE, BLUE, NOTHING, NOTHING))
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.0, 1.0, 1.0, 0.5]]))


def test_padding_changes_nothing(matcher):
    alone = matcher(side(RED, SHOE), side(SHOE, BLUE))
    padded = matcher(side(RED, SHOE, NOTHING, NOTHING), side(NOTHING, SHOE, BLUE, *[NOTHING] * 40))
    torch.testing.assert_close(padded, alone)


def test_a_side_without_a_word_is_like_nothing(matcher):
    found, compared = matcher(side(RED), side(NOTHING))
    assert found.tolist() == [[-1.0, -1.0, -1.0, -1.0, 0.0]] and compared.isfinite().all()


def test_another_word_in_its_place_is_seen(matcher):
    _, blue = matcher(side(RED, SHOE), side(BLUE, SHOE))
    _, red = matcher(side(RED, SHOE), side(RED, SHOE))
    assert (blue - red).abs().max() > 0.01


def test_matches_are_as_many_as_is_said():
    from components.student.late_interaction import MATCHES

    there = torch.ones(2, 3, dtype=torch.bool)
    assert matches(torch.rand(2, 3, 3), there, there).shape == (2, MATCHES)


def test_sides_that_read_each_other_are_not_matched_besides(encoder):
    config = LrkdConfig(encoder=encoder, extractor="compare", join_layer=1, match_width=8)
    with pytest.raises(ValueError, match="match_width is 8, but query and item are read together from layer 1 on"):
        new_student(config, 6)
