"""The teacher before tuning, after SFT and after DPO, on the same held-out pairs: accuracies with their intervals.

Intervals are bootstrapped over whole queries, for the items of one query are not independent; differences are paired.
Shapes: Q queries, C labels; a confusion is (C, C + 1), its last column what broke the form.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from components import contracts
from components.config import JsonConfig
from components.contracts import LABELS

STAGES = ("before", "SFT", "SFT + DPO")


@dataclass(frozen=True)
class CompareConfig(JsonConfig):
    """How intervals are drawn."""

    samples: int = 2000
    confidence: float = 0.95
    seed: int = 0


def parse_rate(confusion: np.ndarray) -> np.ndarray:
    """Share of pairs with an answer that keeps the form."""
    return 1 - confusion[..., -1].sum(-1) / confusion.sum((-2, -1))


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of pairs whose label is right; a broken form is wrong."""
    return np.trace(confusion[..., :-1], axis1=-2, axis2=-1) / confusion.sum((-2, -1))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Mean recall over the labels that occur; 0.25 is chance."""
    right, judged = np.diagonal(confusion[..., :-1], axis1=-2, axis2=-1), confusion.sum(-1)
    return np.nanmean(np.divide(right, judged, where=judged > 0, out=np.full(right.shape, np.nan)), axis=-1)


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 over the labels that are judged or predicted."""
    right = np.diagonal(confusion[..., :-1], axis1=-2, axis2=-1)
    either = confusion.sum(-1) + confusion[..., :-1].sum(-2)
    return np.nanmean(np.divide(2 * right, either, where=either > 0, out=np.full(right.shape, np.nan)), axis=-1)


MEASURES = (balanced_accuracy, accuracy, macro_f1, parse_rate)


def compare(stages: Mapping[str, tuple[Path, Path]], config: CompareConfig) -> dict:
    """Every measure of every stage, and the paired differences of balanced accuracy from stage to stage.

    A stage is its RATIONALES and QUARANTINE of held-out pairs.

    Raises:
        ValueError: the stages were not asked the same pairs.
    """
    answers = {name: predictions(*tables) for name, tables in stages.items()}
    asked = {name: set(said) for name, said in answers.items()}
    for one, other in pairwise(asked):
        if asked[one] != asked[other]:
            odd = min(asked[one] ^ asked[other])
            raise ValueError(f"{one!r} and {other!r} were asked different held-out pairs, {odd} among them")
    counted = {name: confusions(said) for name, said in answers.items()}
    return {
        "pairs": len(next(iter(answers.values()))),
        "queries": len(next(iter(counted.values()))),
        "stages": {name: measured(queries, config) for name, queries in counted.items()},
        "differences": {
            f"{other} less {one}": interval(counted[other], balanced_accuracy, config, counted[one])
            for one, other in pairwise(counted)
        },
    }


def predictions(rationales: Path, quarantine: Path) -> dict[tuple[str, str], tuple[str, str | None]]:
    """(judged label, what most of its rationales say) by query and item; None where none keeps the form."""
    said: dict[tuple[str, str], Counter] = defaultdict(Counter)
    labels = {}
    for schema, path in ((contracts.QUARANTINE, quarantine), (contracts.RATIONALES, rationales)):
        for row in contracts.read_batches(schema, path):
            pair = row["query_id"], row["item_id"]
            labels[pair] = row["label"]
            said[pair].update([row["predicted_label"]] if "predicted_label" in row else [])
    return {pair: (label, most_said(said[pair])) for pair, label in labels.items()}


def most_said(votes: Counter) -> str | None:
    """The label with most votes; of several, the one that comes first in LABELS."""
    return max(LABELS, key=lambda label: votes[label]) if votes else None


def confusions(answers: Mapping[tuple[str, str], tuple[str, str | None]]) -> np.ndarray:
    """A confusion for each query, in their order, (Q, C, C + 1)."""
    queries = {query: n for n, query in enumerate(sorted({query for query, _ in answers}))}
    counted = np.zeros((len(queries), len(LABELS), len(LABELS) + 1))
    for (query, _), (label, predicted) in answers.items():
        counted[queries[query], LABELS.index(label), len(LABELS) if predicted is None else LABELS.index(predicted)] += 1
    return counted


def measured(queries: np.ndarray, config: CompareConfig) -> dict:
    """Every measure of one stage with its interval, and the confusion of all queries together."""
    found = {measure.__name__: interval(queries, measure, config) for measure in MEASURES}
    return found | {"confusion": queries.sum(0).astype(int).tolist()}


def interval(
    queries: np.ndarray, measure: Callable, config: CompareConfig, less: np.ndarray | None = None
) -> dict[str, float]:
    """A measure, or what is left of it when another stage's is taken off, with its percentile bootstrap interval."""

    def value(drawn: Sequence[int] | np.ndarray, axis: int = -1) -> np.ndarray:
        of = measure(queries[drawn].sum(drawn.ndim - 1))
        return of if less is None else of - measure(less[drawn].sum(drawn.ndim - 1))

    numbers = np.arange(len(queries))
    estimate = float(value(numbers))
    if len(queries) < 2:
        return {"estimate": round(estimate, 4), "low": None, "high": None}
    drawn = bootstrap(
        (numbers,),
        value,
        n_resamples=config.samples,
        batch=100,
        vectorized=True,
        confidence_level=config.confidence,
        method="percentile",
        rng=np.random.default_rng(config.seed),
    ).confidence_interval
    return {"estimate": round(estimate, 4), "low": round(float(drawn.low), 4), "high": round(float(drawn.high), 4)}


def said_of(found: Mapping, stages: Iterable[str] = STAGES) -> str:
    """The stages' balanced accuracies in one line."""
    return ", ".join(f"{name} {found['stages'][name]['balanced_accuracy']['estimate']:.3f}" for name in stages)
