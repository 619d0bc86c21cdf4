"""Results of the ablation's rows: confusions by query and seed, and measures with intervals over queries.

Q queries, S seeds, C labels.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench.ablation.rows import CROSS_ENTROPY, LRKD, Row
from components.contracts import LABELS
from components.metrics import BootstrapConfig, accuracy, bootstrap_interval, macro_f1

Answers = dict[int, dict]  # what bench.ablation.worker wrote, by seed
REFERENCES = {"plain_cross_entropy": CROSS_ENTROPY, "LRKD": LRKD}


def read_answers(folder: Path, seeds: int) -> Answers:
    """Read the answers of the seeds that have ended."""
    paths = {seed: folder / f"{seed}.json" for seed in range(seeds)}
    return {seed: json.loads(path.read_text()) for seed, path in paths.items() if path.exists()}


def confusions_by_query(answers: Sequence[dict], column: str = "predicted") -> np.ndarray:
    """Count labels against a column of predictions: (Q, S, C, C + 1)."""
    numbers = {query_id: number for number, query_id in enumerate(sorted(set(answers[0]["queries"])))}
    confusion = np.zeros((len(numbers), len(answers), len(LABELS), len(LABELS) + 1))
    for seed, answer in enumerate(answers):
        for query_id, label, predicted in zip(answer["queries"], answer["labels"], answer[column], strict=True):
            confusion[numbers[query_id], seed, label, predicted] += 1
    return confusion


def summarise_row(row: Row, folder: Path, seeds: int) -> dict:
    """Return a row's accuracy and macro-F1, and its macro-F1 less those of the reference rows."""
    answers = read_answers(folder / row.name, seeds)
    confusion = confusions_by_query(list(answers.values()))
    figures = {"row": row.name, "set": row.set, "rationales": row.rationales, "setting": asdict(row.config)}
    figures |= {"seeds": len(answers), "queries": len(confusion)}
    for measure in (accuracy, macro_f1):
        figures |= interval_figures(measure.__name__, confusion, measure)
        figures[f"{measure.__name__}_by_seed"] = np.round(measure(confusion.sum(0)), 4).tolist()
    for name, title in REFERENCES.items():
        reference = row.name_with_title(title)
        if reference != row.name:
            figures |= difference_figures(name, answers, read_answers(folder / reference, seeds))
    figures["alignment_last"] = round(float(np.mean([answer["alignment"] for answer in answers.values()])), 4)
    return figures


def difference_figures(name: str, answers: Answers, reference: Answers) -> dict:
    """Return macro-F1 less a reference row's, on the seeds that ended in both; nothing without any."""
    seeds = sorted(answers.keys() & reference.keys())
    if not seeds:
        return {}
    confusion = confusions_by_query([answers[seed] for seed in seeds])
    baseline = confusions_by_query([reference[seed] for seed in seeds])
    return interval_figures(f"macro_f1_less_{name}", confusion, macro_f1, baseline)


def interval_figures(name: str, confusion: np.ndarray, measure: Callable, baseline: np.ndarray | None = None) -> dict:
    """Return a measure's mean over the seeds with its interval over queries, as three figures."""

    def mean_over_seeds(sums: np.ndarray) -> np.ndarray:
        return measure(sums).mean(-1)

    interval = bootstrap_interval(confusion, mean_over_seeds, BootstrapConfig(), baseline)
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
