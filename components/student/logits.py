"""A student's logits for tokenised pairs in PyTorch. Serving has ONNX Runtime for that."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from components.contracts import LABELS
from components.scoring.tokenizer import pad_pairs
from components.student.model import Student

BATCH_PAIRS = 64


def predict_logits(
    student: Student, queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]], overlaps: Sequence
) -> Tensor:
    """Return the logits (N, C) of tokenised pairs, in their order and in full precision."""
    logits = torch.zeros(len(queries), len(LABELS))
    with torch.inference_mode():
        for rows, batch in pair_batches(queries, items, overlaps):
            inputs = {name: batch[name] for name in student.inputs}
            logits[rows] = student(**inputs)[0]
    return logits


def pair_batches(
    queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]], overlaps: Sequence
) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
    """Yield row numbers and tensors of batches of like length, shortest first."""
    lengths = [len(query) + len(item) for query, item in zip(queries, items, strict=True)]
    order = np.argsort(lengths, kind="stable")
    for first in range(0, len(order), BATCH_PAIRS):
        rows = order[first : first + BATCH_PAIRS]
        arrays = pad_pairs([queries[row] for row in rows], [items[row] for row in rows])
        arrays["overlap"] = np.array([overlaps[row] for row in rows], np.float32)
        yield rows, {name: torch.from_numpy(array) for name, array in arrays.items()}
