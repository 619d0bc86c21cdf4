"""Judged pairs once more, where a batch would hold few of them: the gradient of few labels is mostly noise."""

import numpy as np
from datasets import Dataset, concatenate_datasets


def repeat_judged(examples: Dataset) -> Dataset:
    """Return EXAMPLES rows of which half are judged, or as many as there are.

    A copy teaches its label alone, so that each pair is aligned once an epoch.
    """
    labels = np.array(examples["label"])
    judged_rows = np.flatnonzero(labels >= 0)
    copies = (len(labels) - len(judged_rows)) // max(len(judged_rows), 1) - 1
    if copies < 1:
        return examples
    repeats = examples.select(np.tile(judged_rows, copies)).remove_columns("has_rationale")
    repeats = repeats.add_column("has_rationale", [False] * len(repeats))
    return concatenate_datasets([examples, repeats.cast(examples.features)])
