"""Stored states of items in half precision, or in 8 and 4 bits: each vector has a scale of its own.

N items or vectors, T tokens of an item, H encoder width, D width of a token's vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FLOAT16 = "float16"
INT8 = "int8"  # means and vectors
INT4 = "int4"  # vectors; means are in 8 bits
PRECISIONS = (FLOAT16, INT8, INT4)
INT8_MAX = 127
INT4_CENTRE = 7.5  # the 16 levels lie around 0, and none is 0
CLIPPING = (1.0, 0.9, 0.8, 0.7)  # of a vector's largest number, of which the truest is taken

SCALE = np.dtype("<f2")


@dataclass(frozen=True)
class StateLayout:
    """How an item's states lie in its bytes: mean, scale, vectors and their scales.

    In half precision there are no scales.
    """

    precision: str
    width: int  # H
    token_width: int = 0  # D; 0: items have no vectors

    @property
    def state_bytes(self) -> int:
        """Return the bytes of a mean, with its scale."""
        return 2 * self.width if self.precision == FLOAT16 else self.width + SCALE.itemsize

    @property
    def vector_bytes(self) -> int:
        """Return the bytes of a vector, with its scale."""
        sizes = {FLOAT16: 2 * self.token_width, INT8: self.token_width + 2, INT4: self.token_width // 2 + 2}
        return sizes[self.precision] if self.token_width else 0

    def pack(self, states: np.ndarray, vectors: Sequence[np.ndarray]) -> list[bytes]:
        """Return the bytes of items with states (N, H) and vectors (T, D) each."""
        arrays = quantise(INT8 if self.precision == INT4 else self.precision, states)
        texts = [b"".join(rows) for rows in zip(*map(row_bytes, arrays), strict=True)]
        if not self.token_width:
            return texts
        arrays = quantise(self.precision, np.concatenate(vectors))
        ends = np.cumsum([len(each) for each in vectors]).tolist()
        starts = [0, *ends[:-1]]
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            texts[row] += b"".join(array[start:end].tobytes() for array in arrays)
        return texts

    def unpack(self, content: bytes) -> tuple[np.ndarray, np.ndarray | None]:
        """Return an item's states (1, H) and vectors (T, D) in half precision."""
        state_precision = INT8 if self.precision == INT4 else self.precision
        states = restore(state_precision, content[: self.state_bytes], 1, self.width)
        if not self.token_width:
            return states, None
        content = content[self.state_bytes :]
        return states, restore(self.precision, content, len(content) // self.vector_bytes, self.token_width)


def row_bytes(array: np.ndarray) -> list[bytes]:
    """Return the bytes of each row."""
    return [row.tobytes() for row in array]


def quantise(precision: str, vectors: np.ndarray) -> list[np.ndarray]:
    """Return vectors (N, D) as they are stored, with their scales (N,) behind them."""
    if precision == FLOAT16:
        return [vectors.astype("<f2")]
    return list(to_int8(vectors) if precision == INT8 else to_int4(vectors))


def restore(precision: str, content: bytes, count: int, width: int) -> np.ndarray:
    """Return stored vectors in half precision: (N, D)."""
    if precision == FLOAT16:
        return np.frombuffer(content, "<f2").reshape(count, width)
    scales = np.frombuffer(content, SCALE, count, len(content) - SCALE.itemsize * count)
    if precision == INT8:
        numbers = np.frombuffer(content, np.int8, count * width).reshape(count, width)
    else:
        pairs = np.frombuffer(content, np.uint8, count * width // 2).reshape(count, width // 2)
        numbers = split_nibbles(pairs) - np.float32(INT4_CENTRE)
    return (numbers * scales.astype(np.float32)[:, None]).astype(np.float16)


def to_int8(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whole numbers (N, D) of 8 bits and the vectors' scales (N,)."""
    vectors = vectors.astype(np.float32)
    scales = (np.abs(vectors).max(-1) / INT8_MAX).astype(np.float16)
    divisors = np.where(scales > 0, scales, 1).astype(np.float32)[:, None]
    return np.clip(np.rint(vectors / divisors), -INT8_MAX, INT8_MAX).astype(np.int8), scales


def to_int4(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 4-bit numbers, two a byte (N, D / 2), and the vectors' scales (N,).

    Of a few widths of a level, each vector gets the one that turns it least. Its scale keeps its length.
    """
    vectors = vectors.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=-1)
    best_levels = np.zeros(vectors.shape, np.uint8)
    best_cosines = np.full(len(vectors), -np.inf)
    best_norms = np.ones(len(vectors))
    for share in CLIPPING:
        widths = np.maximum(share * np.abs(vectors).max(-1, keepdims=True) / INT4_CENTRE, 1e-12)
        levels = np.clip(np.rint(vectors / widths + INT4_CENTRE), 0, 2 * INT4_CENTRE)
        norms = np.linalg.norm(levels - INT4_CENTRE, axis=-1)
        cosines = ((levels - INT4_CENTRE) * vectors).sum(-1) / norms
        is_better = cosines > best_cosines
        best_levels[is_better] = levels[is_better]
        best_cosines[is_better] = cosines[is_better]
        best_norms[is_better] = norms[is_better]
    return best_levels[:, 0::2] | best_levels[:, 1::2] << 4, (lengths / best_norms).astype(np.float16)


def split_nibbles(pairs: np.ndarray) -> np.ndarray:
    """Return the levels (N, D) of two a byte (N, D / 2)."""
    return np.stack([pairs & 15, pairs >> 4], -1).reshape(len(pairs), -1)
