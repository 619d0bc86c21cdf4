"""Pairs with a label once more, where a batch would hold few of them: the gradient of few labels is mostly noise."""

import numpy as np
from datasets import Dataset, concatenate_datasets


def repeat_labelled(examples: Dataset) -> Dataset:
    """Return EXAMPLES rows of which half have a label, or as many as there are.

    It may be people's or a teacher's. A copy teaches its label alone, so that each pair is aligned once an epoch.
    """
    has_label = (np.array(examples["label"]) >= 0) | (np.array(examples["teacher_weight"]) > 0)
    labelled_rows = np.flatnonzero(has_label)
    copies = (len(has_label) - len(labelled_rows)) // max(len(labelled_rows), 1) - 1
    if copies < 1:
        return examples
    repeats = examples.select(np.tile(labelled_rows, copies)).remove_columns("has_rationale")
    repeats = repeats.add_column("has_rationale", [False] * len(repeats))
    return concatenate_datasets([examples, repeats.cast(examples.features)])
