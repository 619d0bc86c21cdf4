"""Score a split with a package, as serving would, and say how good it is."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from components import contracts, metrics
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text
from components.step_result import Progress

BATCH = 256
NOT_WANTED = {"without", "not", "no", "non", "except", "sin", "ohne", "sans"}


def predict(package: str | Path, training_set: str | Path, split: str, out: str | Path) -> dict:
    """Write PREDICTIONS of one split; return accuracy, macro-F1, and the confusion matrix (rows are the judged labels).

    Raises:
        ValueError: the split holds no pair.
    """
    rows = [row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == split]
    if not rows:
        raise ValueError(f"{training_set} holds no pair in the split {split!r}: nothing to compare models on")
    scorer = Scorer(package)
    written = contracts.write_batches(predictions(rows, scorer), contracts.PREDICTIONS, out)
    said = measures(contracts.read(contracts.PREDICTIONS, out))
    figure = f"accuracy {said['accuracy']:.3f}, macro-F1 {said['macro_f1']:.3f}"
    counts = {"rows_in": len(rows), "rows_out": written, "set_aside": len(rows) - written}
    return counts | said | {"version": scorer.version, "figure": figure}


def predictions(rows: Sequence[dict], scorer: Scorer) -> Iterator[dict]:
    """One PREDICTIONS row a pair, in order."""
    progress, rows = Progress(len(rows), "pairs"), iter(rows)
    while batch := list(islice(rows, BATCH)):
        scores = scorer([(row["query"], item_text(row)) for row in batch])
        progress.advance(len(batch))
        answers = zip(batch, scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
        for row, label, probabilities, score in answers:
            names = ("query_id", "item_id", "query_class", "locale", "category", "label")
            yield {
                **{name: row[name] for name in names},
                "query_kind": query_kind(row["query"]),
                "predicted_label": label,
                "probabilities": probabilities,
                "score": score,
            }


def query_kind(query: str) -> str:
    """What is hard about a query: something it does not want, a number or model, or how much it asks for."""
    words = query.lower().split()
    if NOT_WANTED & set(words):
        return "negation"
    if any(letter.isdigit() for letter in query):
        return "number"
    return "one word" if len(words) < 2 else "two or three words" if len(words) < 4 else "four words and more"


def measures(rows: Sequence[dict]) -> dict:
    """Accuracy, macro-F1 over the labels that occur, calibration error, and the confusion matrix."""
    confusion = metrics.confusion_matrix([row["label"] for row in rows], [row["predicted_label"] for row in rows])
    return {
        "accuracy": float(metrics.accuracy(confusion)),
        "macro_f1": float(metrics.macro_f1(confusion)),
        "calibration_error": calibration_error(rows),
        "confusion": confusion.tolist(),
        "roc": roc_of_exact(rows),
    }


def roc_of_exact(rows: Sequence[dict], points: int = 50) -> tuple[list[float], list[float], list[float]]:
    """False and true positive rates of calling a pair Exact, with thresholds, at most `points`, finite all."""
    exact = np.array([row["label"] == contracts.LABELS[0] for row in rows])
    probability = np.array([row["probabilities"][0] for row in rows])
    thresholds = np.unique(np.quantile(probability, np.linspace(1, 0, points)))[::-1]
    said = probability >= thresholds[:, None]  # (points, N)
    rates = [(said & side).sum(1) / max(1, side.sum()) for side in (~exact, exact)]
    return (*(rate.tolist() for rate in rates), thresholds.tolist())


def calibration_error(rows: Sequence[dict]) -> float:
    """Return the expected calibration error of PREDICTIONS rows."""
    confidence = np.array([max(row["probabilities"]) for row in rows])
    is_right = np.array([row["predicted_label"] == row["label"] for row in rows])
    return float(metrics.calibration_error(metrics.calibration_sums(confidence, is_right).sum(axis=0)))
