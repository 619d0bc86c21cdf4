"""Two models' predictions on the same rows, compared: every difference (candidate minus baseline) with its interval.

The interval is a paired bootstrap that draws whole queries, for the items of one query are not independent.
Shapes: N rows, Q queries, B bootstrap samples, K sums that add up over queries.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import roc_auc_score

from components import metrics
from components.contracts import LABELS, PREDICTIONS

LARGEST_CATEGORIES = 10
SLICED = ("query_class", "query_kind", "locale", "label")  # and category


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn, and the smallest slice worth one."""

    samples: int
    confidence: float
    seed: int
    minimum_slice_rows: int


@dataclass(frozen=True)
class Scored:
    """One model's predictions as arrays, rows in the order of query and item."""

    rows: pa.Table
    label: np.ndarray  # (N,) index into LABELS
    predicted: np.ndarray  # (N,)
    probabilities: np.ndarray  # (N, 4)
    score: np.ndarray  # (N,)

    @property
    def right(self) -> np.ndarray:
        return self.predicted == self.label  # (N,)


def load(path: Path) -> Scored:
    """Read PREDICTIONS in the order of query and item."""
    if not (schema := pq.read_schema(path)).equals(PREDICTIONS):
        raise ValueError(f"{path} holds {schema.names}, expected {PREDICTIONS.names}")
    rows = pq.read_table(path).sort_by([("query_id", "ascending"), ("item_id", "ascending")])
    if not rows.num_rows:
        raise ValueError(f"{path} holds no rows: there is nothing to compare")
    probabilities = np.array(rows["probabilities"].to_pylist(), dtype=float)
    label, predicted = (_label_index(rows[name]) for name in ("label", "predicted_label"))
    return Scored(rows, label, predicted, probabilities, rows["score"].to_numpy().astype(float))


def metrics_of(scored: Scored) -> dict[str, float]:
    """One model's figures on all rows; by the library where it has them."""
    starts = _queries(scored)[1]
    exact = scored.label == 0
    ndcg = _ndcg(scored, starts)
    return {
        "accuracy": float(metrics.accuracy(_row_confusions(scored).sum(axis=0))),
        "macro_f1": float(metrics.macro_f1(_row_confusions(scored).sum(axis=0))),
        "auc_exact": float(roc_auc_score(exact, scored.probabilities[:, 0])) if 0 < exact.sum() < len(exact) else 0.0,
        "ndcg_at_10": float(np.nanmean(ndcg)) if not np.isnan(ndcg).all() else 0.0,
        "calibration_error": float(metrics.calibration_error(_calibration_sums(scored).sum(axis=0))),
    }


def differences(new: Scored, old: Scored, config: Bootstrap) -> tuple[dict, list[dict]]:
    """Every overall difference by name, and every slice's difference in accuracy, each with its interval."""
    query, starts = _queries(new)
    masks = _slices(new, config.minimum_slice_rows)
    sums = [_sums(scored, starts, [mask for _, _, mask in masks]) for scored in (new, old)]
    ranks = [_Ranks(scored) for scored in (new, old)]
    ones = np.ones((1, len(starts)))
    point = _differences(ones, sums, ranks, query, len(masks))
    samples = [
        _differences(weights.astype(float), sums, ranks, query, len(masks))
        for weights in metrics.draw_query_weights(len(starts), config.samples, config.seed)
    ]
    draws = np.concatenate(samples)
    draws[:, np.isnan(draws).all(axis=0)] = 0  # undefined on these rows: an area under the curve without both sides
    low, high = metrics.percentile_bounds(draws, config.confidence)
    rows = [
        {"difference": float(a), "low": float(b), "high": float(c)}
        for a, b, c in zip(np.nan_to_num(point[0]), np.nan_to_num(low), np.nan_to_num(high), strict=True)
    ]
    names = ("accuracy", "macro_f1", "ndcg_at_10", "calibration_error", "auc_exact")
    slices = [
        {"slice": name, "value": value, "rows": int(mask.sum())}
        | {"candidate": float(new.right[mask].mean()), "baseline": float(old.right[mask].mean())}
        | row
        for (name, value, mask), row in zip(masks, rows[len(names) :], strict=True)
    ]
    return dict(zip(names, rows, strict=False)), slices


def _differences(weights: np.ndarray, sums: list, ranks: list, query: np.ndarray, slices: int) -> np.ndarray:
    new, old = (
        np.column_stack([_from_sums(weights @ total, slices), rank.auc(weights, query)])
        for total, rank in zip(sums, ranks, strict=True)
    )
    difference = new - old  # (B, 4 + slices + 1): the ranking's AUC was put last
    return np.column_stack([difference[:, :4], difference[:, -1], difference[:, 4:-1]])


def _sums(scored: Scored, starts: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    """Return (Q, K), each query's sums: NDCG and its count, confusion, calibration bins, slices."""
    ndcg = _ndcg(scored, starts)
    rows = [_row_confusions(scored).reshape(len(scored.label), -1), _calibration_sums(scored)]
    rows += [np.column_stack([mask & scored.right, mask]) for mask in masks]
    per_query = np.add.reduceat(np.column_stack(rows).astype(float), starts, axis=0)
    return np.column_stack([np.nan_to_num(ndcg), ~np.isnan(ndcg), per_query])


def _from_sums(total: np.ndarray, slices: int) -> np.ndarray:
    """Return (B, 4 + slices): accuracy, macro-F1, NDCG, calibration error, slices' accuracies."""
    bins_start = 2 + len(LABELS) ** 2
    slices_start = total.shape[1] - 2 * slices
    ndcg = total[:, :2]
    confusion = total[:, 2:bins_start].reshape(-1, len(LABELS), len(LABELS))
    by_slice = total[:, slices_start:]
    figures = [metrics.accuracy(confusion), metrics.macro_f1(confusion)]
    with np.errstate(invalid="ignore", divide="ignore"):
        figures.append(ndcg[:, 0] / ndcg[:, 1])
        figures.append(metrics.calibration_error(total[:, bins_start:slices_start]))
        return np.column_stack([*figures, by_slice[:, 0::2] / by_slice[:, 1::2]])


class _Ranks:
    """Rows sorted by the probability of Exact, ready for weighted areas under the curve (ties count half)."""

    def __init__(self, scored: Scored):
        self.order = np.argsort(scored.probabilities[:, 0], kind="stable")
        ordered = scored.probabilities[self.order, 0]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.exact = (scored.label == 0)[self.order]

    def auc(self, weights: np.ndarray, query: np.ndarray) -> np.ndarray:
        rows = weights[:, query[self.order]]  # (B, N)
        positives, negatives = (np.add.reduceat(rows * side, self.starts, axis=1) for side in (self.exact, ~self.exact))
        below = np.cumsum(negatives, axis=1) - negatives / 2
        with np.errstate(invalid="ignore"):
            return (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))


def _calibration_sums(scored: Scored) -> np.ndarray:
    """Return (N, bins + 1), what each row adds to the calibration error's sums."""
    return metrics.calibration_sums(scored.probabilities.max(axis=1), scored.right)


def _row_confusions(scored: Scored) -> np.ndarray:
    """Return (N, C, C): 1 at each row's judged and predicted label."""
    confusions = np.zeros((len(scored.label), len(LABELS), len(LABELS)))
    confusions[np.arange(len(scored.label)), scored.label, scored.predicted] = 1
    return confusions


def _ndcg(scored: Scored, starts: np.ndarray) -> np.ndarray:
    """Return (Q,), the NDCG@10 of each query, NaN where it has under three items or nothing relevant."""
    gains = metrics.LABEL_GAINS[scored.label]
    parts = zip(np.split(gains, starts[1:]), np.split(scored.score, starts[1:]), strict=True)
    return np.array([metrics.ndcg(gain, score) for gain, score in parts])


def _slices(scored: Scored, minimum_rows: int) -> list[tuple[str, str, np.ndarray]]:
    """Parts of the rows worth looking at: (what, value, mask), none smaller than `minimum_rows`."""
    columns = {name: np.array(scored.rows[name].to_pylist(), dtype=str) for name in SLICED}
    columns["category"] = np.array([str(text).split(">")[0].strip() for text in scored.rows["category"].to_pylist()])
    found = []
    for name, column in columns.items():
        values, counts = np.unique(column, return_counts=True)
        largest = np.argsort(-counts, kind="stable")[:LARGEST_CATEGORIES]
        found += [(name, str(values[at]), column == values[at]) for at in largest if counts[at] >= minimum_rows]
    return found


def _queries(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """(N,) each row's query as an index, and (Q,) where each query starts."""
    names = np.array(scored.rows["query_id"].to_pylist())
    first = np.r_[True, names[1:] != names[:-1]]
    return np.cumsum(first) - 1, np.flatnonzero(first)


def _label_index(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([LABELS.index(name) for name in column.to_pylist()])


def confusion(scored: Scored) -> list[list[int]]:
    """Rows by label (down) and predicted label (across), in the order of LABELS."""
    return _row_confusions(scored).sum(axis=0).astype(int).tolist()
