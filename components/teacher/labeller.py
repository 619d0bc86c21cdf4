"""How far a labeller, a model or a person, agrees with the people who judged the same pairs.

Shapes: Q queries, C labels. A confusion is (C, C + 1), its last column the answers that broke the form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from components.contracts import LABELS
from components.metrics import (
    BootstrapConfig,
    Interval,
    accuracy,
    bootstrap_interval,
    calibration_error,
    calibration_sums,
    cohen_kappa,
    macro_f1,
)
from components.teacher.compare import confusions, parse_rate

Pair = tuple[str, str]  # query_id and item_id


@dataclass(frozen=True)
class LabellerAnswer:
    """A labeller's answer to a judged pair."""

    label: str  # as people judged it
    predicted_label: str | None  # None: no answer keeps the form
    confidence: float | None = None  # the probability of the predicted label, where the labeller tells it


@dataclass(frozen=True)
class LabellerMeasures:
    """How far a labeller agrees with people, with intervals over queries."""

    accuracy: Interval
    macro_f1: Interval
    kappa: Interval
    parse_rate: Interval  # of answers that keep the form
    calibration_error: Interval | None  # None: it tells no probabilities


def mean_probability(probabilities: Sequence[Sequence[float]], label: str) -> float:
    """Return the mean of the probabilities that several answers give a label."""
    return fmean(values[LABELS.index(label)] for values in probabilities)


def confuse(answers: Mapping[Pair, LabellerAnswer], labels: Mapping[Pair, str | None]) -> np.ndarray:
    """Count each query's judged and predicted labels: (Q, C, C + 1)."""
    return confusions({pair: (answer.label, labels[pair]) for pair, answer in answers.items()})


def measure_labeller(
    answers: Mapping[Pair, LabellerAnswer], queries: np.ndarray, bootstrap: BootstrapConfig
) -> LabellerMeasures:
    """Measure a labeller's answers, given their confusions by query (Q, C, C + 1)."""
    return LabellerMeasures(
        accuracy=bootstrap_interval(queries, accuracy, bootstrap),
        macro_f1=bootstrap_interval(queries, macro_f1, bootstrap),
        kappa=bootstrap_interval(queries, cohen_kappa, bootstrap),
        parse_rate=bootstrap_interval(queries, parse_rate, bootstrap),
        calibration_error=measure_calibration(answers, bootstrap),
    )


def measure_calibration(answers: Mapping[Pair, LabellerAnswer], bootstrap: BootstrapConfig) -> Interval | None:
    """Return the calibration error of answers that tell a confidence, or None without any."""
    confident = {pair: answer for pair, answer in answers.items() if answer.confidence is not None}
    if not confident:
        return None
    confidence = np.array([answer.confidence for answer in confident.values()])
    is_right = np.array([answer.predicted_label == answer.label for answer in confident.values()])
    _, query_numbers = np.unique([query for query, _ in confident], return_inverse=True)
    sums = calibration_sums(confidence, is_right)
    by_query = np.zeros((query_numbers.max() + 1, sums.shape[1]))
    np.add.at(by_query, query_numbers, sums)
    return bootstrap_interval(by_query, calibration_error, bootstrap)
