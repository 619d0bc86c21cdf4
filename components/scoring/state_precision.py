"""Stored states of items in half precision, or in 8 and 4 bits: each vector has a scale of its own.

N items, M tokens of them all, H encoder width, D width of a token's vector.
"""

from collections.abc import Mapping

import numpy as np

FLOAT16 = "float16"
INT8 = "int8"  # means and vectors
INT4 = "int4"  # vectors; means are in 8 bits
PRECISIONS = (FLOAT16, INT8, INT4)
INT8_MAX = 127
INT4_CENTRE = 7.5  # the 16 levels lie around 0, and none is 0
CLIPPING = (1.0, 0.9, 0.8, 0.7)  # of a vector's largest number, of which the truest is taken

Arrays = Mapping[str, np.ndarray]


def pack(precision: str, states: np.ndarray, vectors: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the arrays to store of states (N, H) and vectors (M, D)."""
    if precision == FLOAT16:
        arrays = {"states": states.astype(np.float16)}
        return arrays if vectors is None else arrays | {"vectors": vectors.astype(np.float16)}
    arrays = dict(zip(("states", "state_scales"), to_int8(states), strict=True))
    if vectors is not None:
        quantise = to_int8 if precision == INT8 else to_int4
        arrays |= dict(zip(("vectors", "vector_scales"), quantise(vectors), strict=True))
    return arrays


def unpack(precision: str, arrays: Arrays) -> tuple[np.ndarray, np.ndarray | None]:
    """Return states (N, H) and vectors (M, D) in half precision, of stored arrays."""
    if precision == FLOAT16:
        return arrays["states"], arrays.get("vectors")
    states = rescale(arrays["states"], arrays["state_scales"])
    if "vectors" not in arrays:
        return states, None
    numbers = arrays["vectors"] if precision == INT8 else split_nibbles(arrays["vectors"]) - np.float32(INT4_CENTRE)
    return states, rescale(numbers, arrays["vector_scales"])


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


def rescale(numbers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return vectors (N, D) in half precision of numbers and scales."""
    return (numbers * scales.astype(np.float32)[:, None]).astype(np.float16)
