"""The teacher before tuning, after SFT and after DPO on the same held-out pairs, with intervals over whole queries.

Shapes: Q queries, C labels. A confusion is (C, C + 1), its last column the answers that broke the form.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from components import contracts
from components.contracts import LABELS
from components.metrics import BootstrapConfig, Interval, accuracy, balanced_accuracy, bootstrap_interval, macro_f1

STAGES = ("before", "SFT", "SFT + DPO")


@dataclass(frozen=True)
class StageMeasures:
    """One stage's measures on the held-out pairs."""

    balanced_accuracy: Interval
    accuracy: Interval
    macro_f1: Interval
    parse_rate: Interval
    confusion: list[list[int]]  # (C, C + 1), of all queries together


@dataclass(frozen=True)
class TeacherEvaluation:
    """All stages' measures, and the paired differences of balanced accuracy from stage to stage."""

    pairs: int
    queries: int
    stages: dict[str, StageMeasures]
    differences: dict[str, Interval]

    @property
    def broken_answers(self) -> int:
        """Count the answers, of all stages, that broke the form."""
        return sum(row[-1] for stage in self.stages.values() for row in stage.confusion)

    def headline(self) -> str:
        """Return the stages' balanced accuracies in one line."""
        scores = [f"{name} {stage.balanced_accuracy.estimate:.3f}" for name, stage in self.stages.items()]
        return f"balanced accuracy {', '.join(scores)}"


def parse_rate(confusion: np.ndarray) -> np.ndarray:
    """Return the share of pairs with an answer that keeps the form."""
    return 1 - confusion[..., -1].sum(-1) / confusion.sum((-2, -1))


MEASURES = (balanced_accuracy, accuracy, macro_f1, parse_rate)


def compare(tables: Mapping[str, tuple[Path, Path]], config: BootstrapConfig) -> TeacherEvaluation:
    """Measure every stage, given its RATIONALES and QUARANTINE of held-out pairs.

    Raises:
        ValueError: the stages were not asked the same pairs.
    """
    answers = {name: predictions(*paths) for name, paths in tables.items()}
    check_same_pairs(answers)
    by_stage = {name: confusions(stage_answers) for name, stage_answers in answers.items()}
    differences = {
        f"{later} less {earlier}": bootstrap_interval(by_stage[later], balanced_accuracy, config, by_stage[earlier])
        for earlier, later in pairwise(by_stage)
    }
    return TeacherEvaluation(
        pairs=len(next(iter(answers.values()))),
        queries=len(next(iter(by_stage.values()))),
        stages={name: measure_stage(queries, config) for name, queries in by_stage.items()},
        differences=differences,
    )


def check_same_pairs(answers: Mapping[str, Mapping]) -> None:
    """Check that every stage answered the same pairs.

    Raises:
        ValueError: two did not, with one of the pairs.
    """
    for earlier, later in pairwise(answers):
        if differing := answers[earlier].keys() ^ answers[later].keys():
            raise ValueError(
                f"{earlier!r} and {later!r} were asked different held-out pairs, {min(differing)} among them"
            )


def predictions(rationales: Path, quarantine: Path) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Return (judged label, majority label) by query and item.

    The majority label is None where no answer keeps the form.
    """
    votes: dict[tuple[str, str], Counter] = defaultdict(Counter)
    labels = {}
    for row in contracts.read_batches(contracts.QUARANTINE, quarantine):
        labels[row["query_id"], row["item_id"]] = row["label"]
    for row in contracts.read_batches(contracts.RATIONALES, rationales):
        pair = (row["query_id"], row["item_id"])
        labels[pair] = row["label"]
        votes[pair][row["predicted_label"]] += 1
    return {pair: (label, majority_label(votes[pair])) for pair, label in labels.items()}


def majority_label(votes: Counter) -> str | None:
    """Return the label with most votes, the first in LABELS of several."""
    return max(LABELS, key=lambda label: votes[label]) if votes else None


def confusions(answers: Mapping[tuple[str, str], tuple[str, str | None]]) -> np.ndarray:
    """Count a confusion for each query, in their order: (Q, C, C + 1)."""
    queries = sorted({query for query, _ in answers})
    numbers = {query: n for n, query in enumerate(queries)}
    counts = np.zeros((len(numbers), len(LABELS), len(LABELS) + 1))
    for (query, _), (label, predicted_label) in answers.items():
        column = len(LABELS) if predicted_label is None else LABELS.index(predicted_label)
        counts[numbers[query], LABELS.index(label), column] += 1
    return counts


def measure_stage(queries: np.ndarray, config: BootstrapConfig) -> StageMeasures:
    """Measure one stage from its queries' confusions (Q, C, C + 1)."""
    intervals = {measure.__name__: bootstrap_interval(queries, measure, config) for measure in MEASURES}
    return StageMeasures(**intervals, confusion=queries.sum(0).astype(int).tolist())
