"""Measures of a model's predictions, and the bootstrap over queries that gives them intervals.

Shapes: N rows, Q queries, B bootstrap samples, C labels. A confusion is (..., C, P): judged labels down, predicted
labels across. Columns past the C labels are answers that are no label.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.config import JsonConfig
from components.contracts import GAINS, LABELS

CALIBRATION_BINS = 15  # of confidence (Guo et al. 2017)
LABEL_GAINS = np.array([GAINS[label] for label in LABELS])
BOOTSTRAP_CHUNK = 50  # samples drawn at once, which bounds memory


@dataclass(frozen=True)
class BootstrapConfig(JsonConfig):
    """How intervals are drawn."""

    samples: int = 2000
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Interval:
    """A measure with the bounds of its interval, which are None for a single query."""

    estimate: float
    low: float | None
    high: float | None


def confusion_matrix(labels: Sequence[str], predicted_labels: Sequence[str]) -> np.ndarray:
    """Count rows by label (down) and predicted label (across): (C, C)."""
    index = {label: number for number, label in enumerate(LABELS)}
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=int)
    np.add.at(confusion, ([index[label] for label in labels], [index[label] for label in predicted_labels]), 1)
    return confusion


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the share of rows whose predicted label is the judged one."""
    return _right_by_label(confusion).sum(-1) / confusion.sum((-2, -1))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the mean recall over the labels that are judged. Chance is 1 / C."""
    return _mean_of_defined(_right_by_label(confusion), confusion.sum(-1))


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Return the mean F1 over the labels that are judged or predicted."""
    labels = confusion.shape[-2]
    predictions = confusion[..., :labels].sum(-2)
    return _mean_of_defined(2 * _right_by_label(confusion), confusion.sum(-1) + predictions)


def cohen_kappa(confusion: np.ndarray) -> np.ndarray:
    """Return Cohen's kappa: 1 for full agreement, 0 for as much as by chance.

    It is 0, too, where chance alone would let them always agree: both name one label and no other.
    """
    total = confusion.sum((-2, -1))
    predictions = confusion[..., : confusion.shape[-2]].sum(-2)
    chance = (confusion.sum(-1) * predictions).sum(-1) / total**2
    gain = accuracy(confusion) - chance
    return np.divide(gain, 1 - chance, where=chance < 1, out=np.zeros(np.shape(gain)))


def _right_by_label(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion[..., : confusion.shape[-2]], axis1=-2, axis2=-1)


def _mean_of_defined(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the mean of counts / totals over the last axis, where totals are positive."""
    shares = np.divide(counts, totals, where=totals > 0, out=np.full(counts.shape, np.nan))
    return np.nanmean(shares, axis=-1)


def calibration_sums(confidence: np.ndarray, is_right: np.ndarray, bins: int = CALIBRATION_BINS) -> np.ndarray:
    """Return what each row adds to the calibration sums: (N, bins + 1).

    In its bin the gap of confidence and being right, in the last column 1 for the count.
    """
    bin_number = np.minimum((confidence * bins).astype(int), bins - 1)
    sums = np.zeros((len(bin_number), bins + 1))
    sums[np.arange(len(bin_number)), bin_number] = confidence - is_right
    sums[:, -1] = 1
    return sums


def calibration_error(totals: np.ndarray) -> np.ndarray:
    """Return the expected calibration error (Guo et al. 2017) from totals of `calibration_sums`."""
    return np.abs(totals[..., :-1]).sum(axis=-1) / totals[..., -1]


def ndcg(gains: np.ndarray, scores: np.ndarray, k: int = 10, minimum_items: int = 3) -> float:
    """Return NDCG@k of one query: linear gains, mean over the orders of tied scores.

    It is NaN for a query with fewer than `minimum_items` items or without a gain. It equals scikit-learn's, whose
    checks of its arguments take over a millisecond a query.
    """
    if len(gains) < minimum_items or not gains.any():
        return float("nan")
    discounts = 1 / np.log2(np.arange(2, len(gains) + 2))
    discounts[k:] = 0
    ideal = np.sort(gains)[::-1] @ discounts
    order = np.argsort(-scores)
    ranked_scores = scores[order]
    tied_group = np.zeros(len(order), int)
    np.cumsum(ranked_scores[1:] != ranked_scores[:-1], out=tied_group[1:])
    mean_gains = np.bincount(tied_group, gains[order]) / np.bincount(tied_group)
    return float(mean_gains[tied_group] @ discounts / ideal)


def draw_query_weights(queries: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield chunks (<= BOOTSTRAP_CHUNK, Q): how often each bootstrap sample draws each query.

    Whole queries are drawn, because the items of one query are not independent.
    """
    rng = np.random.default_rng(seed)
    shares = np.full(queries, 1 / queries)
    for start in range(0, samples, BOOTSTRAP_CHUNK):
        yield rng.multinomial(queries, shares, size=min(BOOTSTRAP_CHUNK, samples - start))


def bootstrap_interval(
    queries: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray],
    config: BootstrapConfig,
    baseline: np.ndarray | None = None,
) -> Interval:
    """Return a measure with its percentile bootstrap interval over queries.

    `queries` is (Q, ...), what each query adds to the sums that `measure` takes. With `baseline`, also (Q, ...), the
    measure's paired difference is returned. Fewer than two queries have no interval.
    """

    def value(weights: np.ndarray) -> np.ndarray:
        difference = measure(np.tensordot(weights, queries, 1))
        return difference if baseline is None else difference - measure(np.tensordot(weights, baseline, 1))

    estimate = round(float(value(np.ones((1, len(queries))))[0]), 4)
    if len(queries) < 2:
        return Interval(estimate, None, None)
    draws = np.concatenate(
        [value(weights) for weights in draw_query_weights(len(queries), config.samples, config.seed)]
    )
    low, high = percentile_bounds(draws, config.confidence)
    return Interval(estimate, round(float(low), 4), round(float(high), 4))


def percentile_bounds(draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the central share of draws (B, ...), leaving out NaN."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return low, high
