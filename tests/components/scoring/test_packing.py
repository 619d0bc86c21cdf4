"""Texts lie side by side in rows of few shapes, each whole and once."""

import numpy as np
import pytest

from components.scoring.packing import ROW_COUNTS, SINGLE_ROW_LENGTHS, one_text_a_row, packed_rows, text_arrays


def texts_in(batches) -> list[int]:
    return sorted(text for batch in batches for row in batch.rows for text in row)


def test_short_texts_share_a_row():
    (batch,) = packed_rows([4, 3])
    assert batch.shape == (1, 8) and batch.rows == [[0, 1]]
    arrays = text_arrays([[1, 2, 3, 4], [7, 8, 9]], batch, segment=1)
    assert arrays["input_ids"].tolist() == [[1, 2, 3, 4, 7, 8, 9, 0]]
    assert arrays["attention_mask"].tolist() == [[1, 1, 1, 1, 2, 2, 2, 0]]
    assert arrays["token_type_ids"].tolist() == [[1] * 7 + [0]]
    assert arrays["position_ids"].tolist() == [[1, 2, 3, 4, 1, 2, 3, 0]]


def test_a_query_starts_at_position_zero():
    (batch,) = packed_rows([3])
    assert text_arrays([[7, 8, 9]], batch, segment=0)["position_ids"].tolist() == [[0, 1, 2, 0, 0, 0, 0, 0]]


def test_shapes_are_few_and_no_text_is_lost():
    generator = np.random.default_rng(0)
    shapes = set()
    for _ in range(300):
        lengths = generator.integers(1, 65, generator.integers(1, 120)).tolist()
        batches = packed_rows(lengths)
        shapes |= {batch.shape for batch in batches}
        assert texts_in(batches) == list(range(len(lengths)))
        assert all(sum(lengths[text] for text in row) <= batch.shape[1] for batch in batches for row in batch.rows)
    assert len(shapes) <= len(SINGLE_ROW_LENGTHS) + sum(map(len, ROW_COUNTS.values()))


def test_rows_are_as_long_as_the_texts_fit():
    assert [batch.shape for batch in packed_rows([32] * 4)] == [(2, 64)]
    assert [batch.shape for batch in packed_rows([48] * 4)] == [(2, 96)]
    assert [batch.shape for batch in packed_rows([100, 20])] == [(1, 128)]
    assert [batch.shape for batch in packed_rows([130])] == [(1, 192)]
    assert packed_rows([]) == []


@pytest.mark.parametrize("lengths", [[5, 2, 9], list(range(1, 30))])
def test_one_text_a_row_pads_to_the_longest(lengths):
    batches = one_text_a_row(lengths)
    assert texts_in(batches) == list(range(len(lengths)))
    assert all(batch.shape[1] == max(lengths[row[0]] for row in batch.rows) for batch in batches)
