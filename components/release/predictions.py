"""One model's predictions as arrays, its metrics, and the slices of its rows.

Shapes: N rows, Q queries, C labels.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components import metrics
from components.contracts import LABELS, PREDICTIONS

LARGEST_CATEGORIES = 10
SLICED_COLUMNS = ("query_class", "query_kind", "locale", "label")  # and category


@dataclass(frozen=True)
class Predictions:
    """PREDICTIONS as arrays, rows in the order of query and item."""

    rows: pa.Table
    label: np.ndarray  # (N,) index into LABELS
    predicted_label: np.ndarray  # (N,)
    probabilities: np.ndarray  # (N, C)
    score: np.ndarray  # (N,)

    @property
    def is_right(self) -> np.ndarray:
        """Return (N,) whether the predicted label is the judged one."""
        return self.predicted_label == self.label

    @cached_property
    def _first_of_query(self) -> np.ndarray:
        names = np.array(self.rows["query_id"].to_pylist())
        return np.r_[True, names[1:] != names[:-1]]

    @property
    def query_index(self) -> np.ndarray:
        """Return (N,) the number of each row's query."""
        return np.cumsum(self._first_of_query) - 1

    @property
    def query_starts(self) -> np.ndarray:
        """Return (Q,) the first row of each query."""
        return np.flatnonzero(self._first_of_query)

    def confusions(self) -> np.ndarray:
        """Return (N, C, C): 1 at each row's judged and predicted label."""
        confusions = np.zeros((len(self.label), len(LABELS), len(LABELS)))
        confusions[np.arange(len(self.label)), self.label, self.predicted_label] = 1
        return confusions

    def confusion(self) -> list[list[int]]:
        """Count rows by label (down) and predicted label (across), in the order of LABELS."""
        return self.confusions().sum(axis=0).astype(int).tolist()

    def calibration_sums(self) -> np.ndarray:
        """Return (N, bins + 1), what each row adds to the calibration error's sums."""
        return metrics.calibration_sums(self.probabilities.max(axis=1), self.is_right)

    def ndcg(self) -> np.ndarray:
        """Return (Q,) the NDCG@10 of each query, NaN for under three items or no gain."""
        starts = self.query_starts[1:]
        gains = np.split(metrics.LABEL_GAINS[self.label], starts)
        scores = np.split(self.score, starts)
        return np.array([metrics.ndcg(gain, score) for gain, score in zip(gains, scores, strict=True)])

    def metrics(self) -> dict[str, float]:
        """Return the model's metrics on all rows, each 0 where it is undefined."""
        from sklearn.metrics import roc_auc_score  # a second, which who reads a profile need not wait

        is_exact = self.label == 0
        ndcg = self.ndcg()
        confusion = self.confusions().sum(axis=0)
        return {
            "accuracy": float(metrics.accuracy(confusion)),
            "macro_f1": float(metrics.macro_f1(confusion)),
            "auc_exact": float(roc_auc_score(is_exact, self.probabilities[:, 0])) if len(set(is_exact)) > 1 else 0.0,
            "ndcg_at_10": 0.0 if np.isnan(ndcg).all() else float(np.nanmean(ndcg)),
            "calibration_error": float(metrics.calibration_error(self.calibration_sums().sum(axis=0))),
        }


def load_predictions(path: Path) -> Predictions:
    """Read PREDICTIONS in the order of query and item.

    Raises:
        ValueError: the file holds other columns, or no rows.
    """
    schema = pq.read_schema(path)
    if not schema.equals(PREDICTIONS):
        raise ValueError(f"{path} holds {schema.names}, expected {PREDICTIONS.names}")
    rows = pq.read_table(path).sort_by([("query_id", "ascending"), ("item_id", "ascending")])
    if not rows.num_rows:
        raise ValueError(f"{path} holds no rows: there is nothing to compare")
    return Predictions(
        rows=rows,
        label=_label_index(rows["label"]),
        predicted_label=_label_index(rows["predicted_label"]),
        probabilities=np.array(rows["probabilities"].to_pylist(), dtype=float),
        score=rows["score"].to_numpy().astype(float),
    )


def _label_index(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([LABELS.index(name) for name in column.to_pylist()])


@dataclass(frozen=True)
class Slice:
    """The rows that share a value of a column."""

    column: str
    value: str
    mask: np.ndarray  # (N,)


def find_slices(predictions: Predictions, minimum_rows: int) -> list[Slice]:
    """Return the largest slices by column, none smaller than `minimum_rows`."""
    columns = {name: np.array(predictions.rows[name].to_pylist(), dtype=str) for name in SLICED_COLUMNS}
    paths = predictions.rows["category"].to_pylist()
    columns["category"] = np.array([str(path).split(">")[0].strip() for path in paths])
    slices = []
    for name, column in columns.items():
        values, counts = np.unique(column, return_counts=True)
        largest = np.argsort(-counts, kind="stable")[:LARGEST_CATEGORIES]
        slices += [
            Slice(name, str(values[index]), column == values[index])
            for index in largest
            if counts[index] >= minimum_rows
        ]
    return slices


def check_same_rows(new: Predictions, old: Predictions) -> None:
    """Raise ValueError unless both models scored the same pairs, each once."""
    new_pairs = _pairs(new)
    old_pairs = _pairs(old)
    if new_pairs != old_pairs:
        raise ValueError(
            f"candidate and baseline scored different rows: {len(new_pairs - old_pairs)} only the candidate, "
            f"{len(old_pairs - new_pairs)} only the baseline; score both on the same file"
        )
    if len(new.label) != len(new_pairs) or len(old.label) != len(old_pairs):
        raise ValueError("a query-item pair occurs twice in the predictions: score each pair once")


def _pairs(predictions: Predictions) -> set[tuple]:
    columns = [predictions.rows[name].to_pylist() for name in ("query_id", "item_id", "label")]
    return set(zip(*columns, strict=True))
