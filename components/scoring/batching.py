"""Batches of texts alike in length, and the arrays of pairs that were encoded separately.

B pairs, T tokens, H encoder width, D width of a token's vector.
"""

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


def stack_vectors(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Stack texts' vectors (T, D), zeros behind the shorter: (B, T, D)."""
    if all(text is texts[0] for text in texts):
        return np.repeat(texts[0][None].astype(np.float32), len(texts), 0)
    stack = np.zeros((len(texts), max(map(len, texts)), texts[0].shape[1]), texts[0].dtype)
    for row, vectors in enumerate(texts):
        stack[row, : len(vectors)] = vectors
    return stack.astype(np.float32, copy=False)


def join_states(queries: Sequence[np.ndarray], items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Join both sides of pairs: states (B, T, H), mask and segments (B, T)."""
    if max(map(len, [*queries, *items])) == 1:
        return join_means(queries, items)
    shape = (len(items), max(len(query) + len(item) for query, item in zip(queries, items, strict=True)))
    states = np.zeros((*shape, items[0].shape[1]), np.float32)
    mask = np.zeros(shape, np.int64)
    segments = np.zeros(shape, np.int64)
    for row, (query, item) in enumerate(zip(queries, items, strict=True)):
        middle = len(query)
        end = middle + len(item)
        states[row, :middle] = query
        states[row, middle:end] = item
        mask[row, :end] = 1
        segments[row, middle:end] = 1
    return {"states": states, "attention_mask": mask, "token_type_ids": segments}


def join_means(queries: Sequence[np.ndarray], items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Join both sides of pairs whose states are their means (1, H)."""
    states = np.empty((len(items), 2, items[0].shape[1]), np.float32)
    states[:, 0] = np.concatenate(queries)
    states[:, 1] = np.concatenate(items)
    segments = np.repeat([[0, 1]], len(items), 0)
    return {"states": states, "attention_mask": np.ones_like(segments), "token_type_ids": segments}
