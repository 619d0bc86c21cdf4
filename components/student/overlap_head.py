"""Fits the student's term of the numbers on a pair's tokens, before the rest of it is trained; and where they match.

Left to the training, these few weights would not have grown by its end: logistic regression on the numbers alone was
as good as the whole student.
"""

from collections.abc import Sequence

import numpy as np
import torch

from components.contracts import LABELS
from components.student.logits import logits_of
from components.student.losses import class_weights
from components.student.model import Student

PAIRS = 5000  # are enough for as few weights, and take a seventh of an epoch's time of so many
DIRECTIONS = 1000  # pairs that tell in which directions tokens lie


def fit_counted(student: Student, examples, power: float) -> None:
    """Set `student.counted` to logistic regression on the numbers of EXAMPLES rows, labels weighed by the power.

    With fewer than three labels there is too little to go by: it starts from nothing then.
    """
    drawn = range(0, len(examples), -(-len(examples) // PAIRS))
    some = examples.select(sorted(drawn, key=list(examples["length"]).__getitem__))
    if student.matcher:
        narrow(student, some.select(range(0, len(some), 1 + len(some) // DIRECTIONS)))
    torch.nn.init.zeros_(student.counted.weight)
    torch.nn.init.zeros_(student.counted.bias)
    if len(set(some["label"])) < 3:
        return
    read: list[torch.Tensor] = []
    hook = student.counted.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    logits_of(student.eval(), some["query"], some["item"], some["overlap"])  # sorted, so in their order
    hook.remove()
    scaler, fitted = regression(torch.cat(read).numpy(), list(some["label"]), power)
    slopes = fitted.coef_ / scaler.scale_  # (C or fewer, NUMBERS)
    starts = fitted.intercept_ - slopes @ scaler.mean_
    with torch.no_grad():
        student.counted.bias.fill_(float(starts.min()))  # of a label that is not among them
        student.counted.weight[fitted.classes_] = torch.tensor(slopes, dtype=torch.float32)
        student.counted.bias[fitted.classes_] = torch.tensor(starts, dtype=torch.float32)


def narrow(student: Student, some) -> None:
    """Let the matcher begin with the directions in which tokens of some EXAMPLES rows lie: cosines stay as they are."""
    first = student.matcher.narrow
    moments = torch.zeros(first.in_features, first.in_features)

    def note(_, given: tuple) -> None:
        states = given[0].flatten(0, 1)  # (B T, H)
        moments.add_(states.T @ states)

    hook = first.register_forward_pre_hook(note)
    logits_of(student.eval(), some["query"], some["item"], some["overlap"])
    hook.remove()
    directions = torch.linalg.eigh(moments)[1].flip(1)  # (H, H), the largest first
    with torch.no_grad():
        first.weight.copy_(directions[:, : first.out_features].T)


def regression(numbers: np.ndarray, labels: Sequence[int], power: float):
    """Logistic regression on standardised numbers (N, X), fitted to labels weighed by the power of their rarity."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    weights = class_weights(torch.tensor(labels), len(LABELS), power)
    told = None if weights is None else dict(enumerate(weights.tolist()))
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight=told)).fit(numbers, labels)
