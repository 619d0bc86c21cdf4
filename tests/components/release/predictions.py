"""PREDICTIONS of imaginary models: the sharper, the more often right; the same rows for every seed."""

import numpy as np

from components import contracts


def write(path, sharpness, seed=2, queries=120, **changed):
    """Write eight items a query, and return the path."""
    labels, noise = np.random.default_rng(1), np.random.default_rng(seed)
    rows = [
        _row(query, item, int(labels.integers(4)), noise, sharpness) | changed
        for query in range(queries)
        for item in range(8)
    ]
    contracts.write(rows, contracts.PREDICTIONS, path)
    return path


def _row(query, item, label, noise, sharpness):
    sharpness = sharpness if np.isscalar(sharpness) else sharpness[query % 3]
    seen = noise.normal(size=4)
    seen[label] += sharpness
    probabilities = np.exp(sharpness * seen) / np.exp(sharpness * seen).sum()  # the posterior
    return {
        "query_id": f"q{query:03d}",
        "item_id": f"i{item}",
        "query_class": contracts.QUERY_CLASSES[query % 3],
        "query_kind": "one word",
        "locale": "us",
        "category": ("Shoes > Running", "Hats")[query % 2],
        "label": contracts.LABELS[label],
        "predicted_label": contracts.LABELS[int(probabilities.argmax())],
        "probabilities": probabilities.tolist(),
        "score": float(probabilities @ [1, 0.1, 0.01, 0]),
    }
