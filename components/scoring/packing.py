"""Texts in rows: one text a row, or several side by side in rows of a few fixed lengths.

A runtime that compiles each shape compiles few, and computes hardly any padding. A text attends to its own tokens
alone. B rows, T tokens of a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.scoring.batching import length_buckets

SINGLE_ROW_LENGTHS = (8, 16, 32, 64)  # where one row holds all texts
ROW_COUNTS = {64: (16, 8, 4, 2, 1), 96: (8, 4, 2, 1), 128: (8, 4, 2, 1)}  # of a batch, by the rows' length
LONG_ROW_COUNTS = (4, 2, 1)  # where a text is longer, and rows are a multiple of 64


@dataclass(frozen=True)
class Span:
    """Where a text lies in its batch."""

    text: int  # its index
    row: int
    number: int  # of the text in its row, from 1
    start: int
    end: int


@dataclass(frozen=True)
class Batch:
    """Indices of texts by row, and the shape (B, T) that holds them.

    Rows beyond the last are empty.
    """

    rows: Sequence[Sequence[int]]
    shape: tuple[int, int]

    def spans(self, lengths: Sequence[int]) -> Iterator[Span]:
        """Yield where each text lies, by all texts' lengths."""
        for row, texts in enumerate(self.rows):
            end = 0
            for number, text in enumerate(texts, 1):
                start = end
                end += lengths[text]
                yield Span(text, row, number, start, end)


def one_text_a_row(lengths: Sequence[int]) -> list[Batch]:
    """Plan batches of texts alike in length, padded to the longest of each."""
    batches = []
    for bucket in length_buckets(lengths):
        rows = [[index] for index in bucket.tolist()]
        batches.append(Batch(rows, (len(rows), lengths[bucket[-1]])))
    return batches


def packed_rows(lengths: Sequence[int]) -> list[Batch]:
    """Plan batches of few shapes, in whose rows several texts lie."""
    if sum(lengths) <= SINGLE_ROW_LENGTHS[-1]:
        length = next(length for length in SINGLE_ROW_LENGTHS if sum(lengths) <= length)
        return [Batch([list(range(len(lengths)))], (1, length))] if len(lengths) else []
    fits = {length: fill_rows(lengths, length) for length in row_lengths(max(lengths))}
    length, rows = min(fits.items(), key=lambda fit: packing_cost(*fit))
    batches = []
    while rows:
        count = next(count for count in ROW_COUNTS.get(length, LONG_ROW_COUNTS) if count <= 1.25 * len(rows))
        batches.append(Batch(rows[:count], (count, length)))
        rows = rows[count:]
    return batches


def row_lengths(longest: int) -> list[int]:
    """Return the lengths of rows that can hold the longest text."""
    multiple = SINGLE_ROW_LENGTHS[-1] * -(-longest // SINGLE_ROW_LENGTHS[-1])
    return [length for length in ROW_COUNTS if longest <= length] or [multiple]


def packing_cost(length: int, rows: Sequence[Sequence[int]]) -> float:
    """Return the relative time of rows of a length: attention makes long ones dearer."""
    return len(rows) * length * (1 + length / 1000)


def fill_rows(lengths: Sequence[int], length: int) -> list[list[int]]:
    """Fill rows of a length with texts, and return their indices by row.

    The longest text comes first, each where the least room is left over.
    """
    rows: list[list[int]] = []
    room: list[int] = []  # left in each row
    for index in np.argsort(-np.asarray(lengths, int), kind="stable").tolist():
        fits = [(left, row) for row, left in enumerate(room) if lengths[index] <= left]
        if fits:
            _, row = min(fits)
            rows[row].append(index)
            room[row] -= lengths[index]
        else:
            rows.append([index])
            room.append(length - lengths[index])
    return rows


def text_arrays(texts: Sequence[Sequence[int]], batch: Batch, segment: int) -> dict[str, np.ndarray]:
    """Return a batch's token ids, mask, segments and positions, (B, T) each.

    The mask numbers the texts of a row from 1, and is 0 for padding. Segment 0 is a query's and 1 an item's, whose
    positions start behind a query's first token.
    """
    names = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    arrays = {name: np.zeros(batch.shape, np.int64) for name in names}
    for span in batch.spans([len(ids) for ids in texts]):
        cells = (span.row, slice(span.start, span.end))
        arrays["input_ids"][cells] = texts[span.text]
        arrays["attention_mask"][cells] = span.number
        arrays["token_type_ids"][cells] = segment
        arrays["position_ids"][cells] = np.arange(segment, segment + span.end - span.start)
    return arrays
