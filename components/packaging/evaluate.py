"""Predictions of a split with a package, as serving would score it, and how good they are. N rows, C labels."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from components import contracts, metrics
from components.absence import absence_reason, absent_result
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text
from components.step_result import Progress, StepResult

BATCH = 256
NEGATIONS = {"without", "not", "no", "non", "except", "sin", "ohne", "sans"}
COPIED = ("query_id", "item_id", "query_class", "locale", "category", "label")


@dataclass(frozen=True)
class Measures:
    """How good predictions are."""

    accuracy: float
    macro_f1: float
    calibration_error: float
    confusion: list[list[int]]  # judged labels down, predicted labels across: (C, C)
    roc: tuple[list[float], list[float], list[float]]  # of calling a pair Exact


def predict(package: str | Path, training_set: str | Path, split: str, out: str | Path) -> StepResult:
    """Write PREDICTIONS of one split and measure them.

    Raises:
        ValueError: the split holds no pair; check the judgements' splits.
    """
    if reason := absence_reason(package):
        return predict_nothing(reason, out)
    rows = [row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == split]
    if not rows:
        raise ValueError(f"{training_set} holds no pair in the split {split!r}: nothing to compare models on")
    scorer = Scorer(package)
    count = contracts.write_batches(predict_rows(rows, scorer), contracts.PREDICTIONS, out)
    measures = measure_predictions(contracts.read(contracts.PREDICTIONS, out))
    headline = f"accuracy {measures.accuracy:.3f}, macro-F1 {measures.macro_f1:.3f}"
    return StepResult(len(rows), count, headline=headline, details=asdict(measures) | {"version": scorer.version})


def predict_nothing(reason: str, out: str | Path) -> StepResult:
    """Write PREDICTIONS without a row, where there is no package."""
    contracts.write([], contracts.PREDICTIONS, out)
    labels = len(contracts.LABELS)
    result = absent_result(reason)
    nothing = {"confusion": [[0] * labels] * labels, "roc": ([], [], [])}
    return replace(result, details={**result.details, **nothing})


def predict_rows(rows: Sequence[dict], scorer: Scorer) -> Iterator[dict]:
    """Yield one PREDICTIONS row a pair, in order."""
    progress = Progress(len(rows), "pairs")
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        scores = scorer([(row["query"], item_text(row)) for row in batch])
        progress.advance(len(batch))
        columns = zip(batch, scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
        for row, label, probabilities, score in columns:
            yield {
                **{name: row[name] for name in COPIED},
                "query_kind": query_kind(row["query"]),
                "predicted_label": label,
                "probabilities": probabilities,
                "score": score,
            }


def query_kind(query: str) -> str:
    """Name what is hard about a query: a negation, a number, or its length."""
    words = query.lower().split()
    if NEGATIONS & set(words):
        return "negation"
    if any(letter.isdigit() for letter in query):
        return "number"
    if len(words) < 2:
        return "one word"
    return "two or three words" if len(words) < 4 else "four words and more"


def measure_predictions(rows: Sequence[dict]) -> Measures:
    """Measure PREDICTIONS rows, macro-F1 over the labels that occur."""
    confusion = metrics.confusion_matrix([row["label"] for row in rows], [row["predicted_label"] for row in rows])
    return Measures(
        accuracy=float(metrics.accuracy(confusion)),
        macro_f1=float(metrics.macro_f1(confusion)),
        calibration_error=calibration_error(rows),
        confusion=confusion.tolist(),
        roc=exact_roc(rows),
    )


def exact_roc(rows: Sequence[dict], points: int = 50) -> tuple[list[float], list[float], list[float]]:
    """Compute false and true positive rates of calling a pair Exact, with finite thresholds."""
    is_exact = np.array([row["label"] == contracts.LABELS[0] for row in rows])
    probability = np.array([row["probabilities"][0] for row in rows])
    thresholds = np.unique(np.quantile(probability, np.linspace(1, 0, points)))[::-1]
    is_called = probability >= thresholds[:, None]  # (points, N)
    false_rates = (is_called & ~is_exact).sum(1) / max(1, (~is_exact).sum())
    true_rates = (is_called & is_exact).sum(1) / max(1, is_exact.sum())
    return false_rates.tolist(), true_rates.tolist(), thresholds.tolist()


def calibration_error(rows: Sequence[dict]) -> float:
    """Return the expected calibration error of PREDICTIONS rows."""
    confidence = np.array([max(row["probabilities"]) for row in rows])
    is_right = np.array([row["predicted_label"] == row["label"] for row in rows])
    return float(metrics.calibration_error(metrics.calibration_sums(confidence, is_right).sum(axis=0)))
