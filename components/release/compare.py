"""Two models' predictions on the same rows, compared: every difference (candidate minus baseline) with its interval.

The interval is a paired bootstrap that draws whole queries, for the items of one query are not independent.
Shapes: N rows, Q queries, B bootstrap samples, K sums that add up over queries, C labels, S slices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components import metrics
from components.contracts import LABELS
from components.release.gate_verdict import Difference, SliceDifference
from components.release.predictions import Predictions, Slice, find_slices

NAMES = ("accuracy", "macro_f1", "ndcg_at_10", "calibration_error", "auc_exact")  # in the order of the arrays here


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn, and the smallest slice worth one."""

    samples: int
    confidence: float
    seed: int
    minimum_slice_rows: int


@dataclass(frozen=True)
class Comparison:
    """Overall differences by metric, and each slice's."""

    overall: dict[str, Difference]
    slices: list[SliceDifference]


def compare(candidate: Predictions, baseline: Predictions, config: Bootstrap) -> Comparison:
    """Return every difference of two models' metrics on the same rows."""
    slices = find_slices(candidate, config.minimum_slice_rows)
    differences = _bootstrap(_PairedSums(candidate, baseline, slices), config)
    overall = dict(zip(NAMES, differences, strict=False))
    parts = zip(slices, differences[len(NAMES) :], strict=True)
    return Comparison(overall, [_slice_difference(part, candidate, baseline, difference) for part, difference in parts])


def _bootstrap(sums: "_PairedSums", config: Bootstrap) -> list[Difference]:
    """Return the differences in the order of NAMES, then of the slices."""
    queries = sums.queries
    point = sums.differences(np.ones((1, queries)))[0]
    draws = np.concatenate(
        [
            sums.differences(weights.astype(float))
            for weights in metrics.draw_query_weights(queries, config.samples, config.seed)
        ]
    )
    draws[:, np.isnan(draws).all(axis=0)] = 0  # undefined on these rows: an area under the curve without both sides
    low, high = metrics.percentile_bounds(draws, config.confidence)
    return [
        Difference(float(estimate), float(lower), float(upper))
        for estimate, lower, upper in zip(*map(np.nan_to_num, (point, low, high)), strict=True)
    ]


def _slice_difference(
    part: Slice, candidate: Predictions, baseline: Predictions, difference: Difference
) -> SliceDifference:
    return SliceDifference(
        slice=part.column,
        value=part.value,
        rows=int(part.mask.sum()),
        candidate=float(candidate.is_right[part.mask].mean()),
        baseline=float(baseline.is_right[part.mask].mean()),
        **vars(difference),
    )


class _PairedSums:
    """What each query adds to both models' metrics.

    A bootstrap sample is one weighted sum of it.
    """

    def __init__(self, candidate: Predictions, baseline: Predictions, slices: Sequence[Slice]):
        masks = [part.mask for part in slices]
        self.slice_count = len(slices)
        self.query_index = candidate.query_index
        self.queries = len(candidate.query_starts)
        self.models = [(_query_sums(model, masks), _Ranks(model)) for model in (candidate, baseline)]

    def differences(self, weights: np.ndarray) -> np.ndarray:
        """Return (B, metrics + S) for weights (B, Q) of queries: candidate minus baseline."""
        candidate, baseline = (self._metrics(sums, ranks, weights) for sums, ranks in self.models)
        return candidate - baseline

    def _metrics(self, sums: np.ndarray, ranks: "_Ranks", weights: np.ndarray) -> np.ndarray:
        overall, by_slice = _metrics_from_sums(weights @ sums, self.slice_count)
        return np.column_stack([overall, ranks.auc(weights, self.query_index), by_slice])


def _query_sums(model: Predictions, masks: list[np.ndarray]) -> np.ndarray:
    """Return (Q, K), each query's sums: NDCG and its count, confusion, calibration bins, slices."""
    ndcg = model.ndcg()
    rows = [model.confusions().reshape(len(model.label), -1), model.calibration_sums()]
    rows += [np.column_stack([mask & model.is_right, mask]) for mask in masks]
    per_query = np.add.reduceat(np.column_stack(rows).astype(float), model.query_starts, axis=0)
    return np.column_stack([np.nan_to_num(ndcg), ~np.isnan(ndcg), per_query])


def _metrics_from_sums(total: np.ndarray, slices: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (B, 4) accuracy, macro-F1, NDCG, calibration error, and (B, S) slices' accuracies."""
    bins_start = 2 + len(LABELS) ** 2
    slices_start = total.shape[1] - 2 * slices
    confusion = total[:, 2:bins_start].reshape(-1, len(LABELS), len(LABELS))
    by_slice = total[:, slices_start:]
    with np.errstate(invalid="ignore", divide="ignore"):
        ndcg = total[:, 0] / total[:, 1]
        calibration_error = metrics.calibration_error(total[:, bins_start:slices_start])
        slice_accuracy = by_slice[:, 0::2] / by_slice[:, 1::2]
    overall = [metrics.accuracy(confusion), metrics.macro_f1(confusion), ndcg, calibration_error]
    return np.column_stack(overall), slice_accuracy


class _Ranks:
    """Rows sorted by the probability of Exact, for weighted areas under the curve."""

    def __init__(self, model: Predictions):
        self.order = np.argsort(model.probabilities[:, 0], kind="stable")
        probabilities = model.probabilities[self.order, 0]
        self.starts = np.flatnonzero(np.r_[True, probabilities[1:] != probabilities[:-1]])
        self.is_exact = (model.label == 0)[self.order]

    def auc(self, weights: np.ndarray, query_index: np.ndarray) -> np.ndarray:
        """Return (B,) the area under the curve for weights (B, Q), where ties count half."""
        rows = weights[:, query_index[self.order]]  # (B, N)
        positives = np.add.reduceat(rows * self.is_exact, self.starts, axis=1)
        negatives = np.add.reduceat(rows * ~self.is_exact, self.starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        with np.errstate(invalid="ignore"):
            return (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))
