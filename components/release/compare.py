"""Two models' predictions on the same rows, compared: every difference (candidate minus baseline) with its interval.

The interval is a paired bootstrap that draws whole queries, for the items of one query are not independent.
Shapes: N rows, Q queries, B bootstrap samples, K sums that add up over queries.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, ndcg_score, roc_auc_score

from components.contracts import CALIBRATION_BINS, LABELS, PREDICTIONS

GAINS = np.array([1.0, 0.1, 0.01, 0.0])  # of LABELS, for NDCG
BOOTSTRAP_CHUNK = 50  # samples drawn at once: bounds memory to CHUNK x N
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
        "accuracy": float(accuracy_score(scored.label, scored.predicted)),
        "macro_f1": float(f1_score(scored.label, scored.predicted, average="macro", zero_division=0)),
        "auc_exact": float(roc_auc_score(exact, scored.probabilities[:, 0])) if 0 < exact.sum() < len(exact) else 0.0,
        "ndcg_at_10": float(np.nanmean(ndcg)) if not np.isnan(ndcg).all() else 0.0,
        "calibration_error": float(_calibration_error(_calibration_sums(scored).sum(axis=0)[None])[0]),
    }


def differences(new: Scored, old: Scored, config: Bootstrap) -> tuple[dict, list[dict]]:
    """Every overall difference by name, and every slice's difference in accuracy, each with its interval."""
    query, starts = _queries(new)
    rng, samples = np.random.default_rng(config.seed), []
    masks = _slices(new, config.minimum_slice_rows)
    sums = [_sums(scored, starts, [mask for _, _, mask in masks]) for scored in (new, old)]
    ranks = [_Ranks(scored) for scored in (new, old)]
    ones = np.ones((1, len(starts)))
    point = _differences(ones, sums, ranks, query, len(masks))
    for start in range(0, config.samples, BOOTSTRAP_CHUNK):
        size = min(BOOTSTRAP_CHUNK, config.samples - start)
        weights = rng.multinomial(len(starts), np.full(len(starts), 1 / len(starts)), size=size)  # (B, Q)
        samples.append(_differences(weights.astype(float), sums, ranks, query, len(masks)))
    tail = (1 - config.confidence) / 2
    drawn = np.concatenate(samples)
    drawn[:, np.isnan(drawn).all(axis=0)] = 0  # undefined on these rows: an area under the curve without both sides
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
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
    """(Q, K): per query and label hits, predictions, labels; NDCG and its count; calibration bins; slices."""
    classes = np.arange(len(LABELS))
    predicted, label = scored.predicted[:, None] == classes, scored.label[:, None] == classes
    ndcg = _ndcg(scored, starts)
    rows = [predicted & label, predicted, label, _calibration_sums(scored)]
    rows += [np.column_stack([mask & scored.right, mask]) for mask in masks]
    per_query = np.add.reduceat(np.column_stack(rows).astype(float), starts, axis=0)
    return np.column_stack([np.nan_to_num(ndcg), ~np.isnan(ndcg), per_query])


def _from_sums(total: np.ndarray, slices: int) -> np.ndarray:
    """(B, 4 + slices): accuracy, macro-F1, NDCG, calibration error and each slice's accuracy from weighted sums."""
    ndcg, hits, predicted, label = total[:, :2], total[:, 2:6], total[:, 6:10], total[:, 10:14]
    bins, parts = total[:, 14 : total.shape[1] - 2 * slices], total[:, total.shape[1] - 2 * slices :]
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * hits / (predicted + label)  # NaN for a label that neither side has: sklearn leaves it out, too
        macro_f1 = np.nansum(f1, axis=1) / np.maximum((~np.isnan(f1)).sum(axis=1), 1)
        accuracy = hits.sum(axis=1) / label.sum(axis=1)
        mean_ndcg = ndcg[:, 0] / ndcg[:, 1]
        by_slice = parts[:, 0::2] / parts[:, 1::2]
    return np.column_stack([accuracy, macro_f1, mean_ndcg, _calibration_error(bins), by_slice])


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
    """(N, bins): what each row adds to its bin's gap between confidence and being right."""
    confidence = scored.probabilities.max(axis=1)
    index = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.zeros((len(index), CALIBRATION_BINS + 1))
    gaps[np.arange(len(index)), index] = confidence - scored.right
    gaps[:, -1] = 1  # the number of rows, to divide by
    return gaps


def _calibration_error(total: np.ndarray) -> np.ndarray:
    return np.abs(total[:, :-1]).sum(axis=1) / total[:, -1]


def _ndcg(scored: Scored, starts: np.ndarray) -> np.ndarray:
    """(Q,): NDCG@10 of each query, NaN where it has under three items or nothing relevant."""
    gains = GAINS[scored.label]
    parts = zip(np.split(gains, starts[1:]), np.split(scored.score, starts[1:]), strict=True)
    return np.array(
        [ndcg_score([gain], [score], k=10) if len(gain) >= 3 and gain.any() else np.nan for gain, score in parts]
    )


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
    return confusion_matrix(scored.label, scored.predicted, labels=range(len(LABELS))).tolist()
