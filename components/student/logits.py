"""What a student says of tokenised pairs, by PyTorch: for its own checks, where serving would have ONNX Runtime."""

from collections.abc import Sequence

import numpy as np
import torch

from components.contracts import LABELS
from components.scoring.tokenizer import pad_pairs
from components.student.model import Student

AT_ONCE = 64


def logits_of(
    student: Student, queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]], overlaps: Sequence
) -> torch.Tensor:
    """Logits (N, C) of tokenised pairs with their LEXICAL_FEATURES, in their order, in full precision."""
    order = np.argsort([len(query) + len(item) for query, item in zip(queries, items, strict=True)], kind="stable")
    logits = torch.zeros(len(order), len(LABELS))
    with torch.inference_mode():
        for first in range(0, len(order), AT_ONCE):
            batch = order[first : first + AT_ONCE]
            arrays = pad_pairs([queries[index] for index in batch], [items[index] for index in batch])
            arrays["overlap"] = np.array([overlaps[index] for index in batch], np.float32)
            logits[batch] = student(**{name: torch.from_numpy(array) for name, array in arrays.items()})[0]
    return logits
