"""Batches of texts alike in length."""

from collections.abc import Callable, Sequence

import numpy as np

BATCHES = 8  # of a request, as far as their sizes allow
MIN_BATCH = 8  # texts
MAX_BATCH = 16  # texts: of more, a layer's numbers leave the processor's cache (64 take a quarter more time in int8)


def length_buckets(lengths: Sequence[int]) -> list[np.ndarray]:
    """Group the indices of texts alike in length, shortest first."""
    if not len(lengths):
        return []
    return length_batches(lengths, min(MAX_BATCH, max(MIN_BATCH, -(-len(lengths) // BATCHES))))


def length_batches(lengths: Sequence[int], size: int) -> list[np.ndarray]:
    """Group the indices of texts alike in length, shortest first, `size` at most."""
    order = np.argsort(lengths, kind="stable")
    return np.array_split(order, max(1, -(-len(order) // size)))


def run_in_batches(
    batches: Sequence[np.ndarray], run: Callable[[np.ndarray], list[np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Run a graph on batches of indices, and return both outputs in their order."""
    outputs = [run(indices) for indices in batches]
    order = np.argsort(np.concatenate(batches))
    logits = np.concatenate([output[0] for output in outputs])
    hidden_vectors = np.concatenate([output[1] for output in outputs])
    return logits[order], hidden_vectors[order]
