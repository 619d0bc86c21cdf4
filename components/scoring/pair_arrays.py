"""Arrays of pairs whose sides were encoded separately, as the graphs of a package read them.

B pairs, T tokens, H encoder width, D width of a token's vector.
"""

from collections.abc import Sequence

import numpy as np

from components.scoring.item import Item


def page_arrays(queries: Sequence[Item], items: Sequence[Item]) -> dict[str, np.ndarray]:
    """Build the arrays of encoded pairs, without their lexical features.

    A query that all pairs share stands there once.
    """
    is_page = all(query is queries[0] for query in queries)
    distinct = queries[:1] if is_page else queries
    return {
        "query_means": np.concatenate([query.states for query in distinct], dtype=np.float32),
        "query_vectors": stack_vectors([query.vectors for query in distinct]).astype(np.float32, copy=False),
        "item_means": np.concatenate([item.states for item in items], dtype=np.float16),
        "item_vectors": stack_vectors([item.vectors for item in items]).astype(np.float16, copy=False),
    }


def interaction_arrays(queries: Sequence[Item], items: Sequence[Item]) -> dict[str, np.ndarray]:
    """Build the arrays of pairs for packages up to format 8."""
    arrays = join_states([query.states for query in queries], [item.states for item in items])
    if items[0].vectors is not None:
        arrays["query_vectors"] = stack_vectors([query.vectors for query in queries]).astype(np.float32)
        arrays["item_vectors"] = stack_vectors([item.vectors for item in items]).astype(np.float32)
    return arrays


def stack_vectors(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Stack texts' vectors (T, D), zeros behind the shorter: (B, T, D)."""
    stack = np.zeros((len(texts), max(map(len, texts)), texts[0].shape[1]), texts[0].dtype)
    for row, vectors in enumerate(texts):
        stack[row, : len(vectors)] = vectors
    return stack


def join_states(queries: Sequence[np.ndarray], items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Join both sides of pairs: states (B, T, H), mask and segments (B, T)."""
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
