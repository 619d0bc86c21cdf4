"""Measure what a teacher's facts bring a student: `python -m bench.rationales.measure --help`.

Every arm and seed is a process on a core of its own. Results are kept: a measurement that was stopped goes on where it
was, so it may be run in parts.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.ablation.results import confusions_by_query
from bench.figures import show, write_results
from bench.rationales.arms import ACCURACIES, BUDGETS, CROSS_ENTROPY, TEACHER_ARMS, Arm, all_arms
from bench.rationales.stage import Stage
from bench.worker_pool import on_cores
from components import contracts
from components.metrics import BootstrapConfig, bootstrap_interval, macro_f1

FOLDER = Path("runs/bench/rationales")
WORKER = "bench.rationales.worker"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    seeds: Annotated[int, typer.Option(help="Students an arm.")] = 3,
    only: Annotated[str, typer.Option(help="A part of the arms' names, as in `30 queries` or `80%`.")] = "",
) -> None:
    """Train a student for every arm and seed, and print gains over cross-entropy with intervals.

    Intervals are over queries, of means over the seeds. All arms take some hours on two cores.
    """
    stage = Stage(FOLDER)
    arms = [arm for arm in all_arms() if only in arm.name or arm.title == CROSS_ENTROPY]
    if not any(only in arm.name for arm in arms):
        raise typer.BadParameter(f"no arm's name has {only!r} in it", param_hint="--only")
    on_cores([worker_job(stage, arm, seed) for arm in arms for seed in range(seeds)])
    figures = summarise(stage.folder, seeds)
    write_results("rationales", figures, "test queries of the marketplace of knowledge, and a stand-in teacher")
    show("rationales", figures)


def worker_job(stage: Stage, arm: Arm, seed: int) -> tuple[Path, list]:
    """Return the file of an arm's answers with one seed, and the worker's arguments that write it."""
    path = answers_path(stage.folder, arm, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    training_set = stage.training_set(arm)
    rows = [row for row in contracts.read(contracts.TRAINING_SET, training_set) if row["split"] == "train"]
    judged_pairs = sum(row["query_id"] in stage.judged_queries for row in rows)
    config = replace(arm.config(judged_pairs, len(rows)), seed=seed).to_json()
    return path, [WORKER, training_set, stage.embeddings(arm), config, path]


def answers_path(folder: Path, arm: Arm, seed: int) -> Path:
    """Return where the answers of an arm's student are."""
    return folder / "answers" / arm.name / f"{seed}.json"


def summarise(folder: Path, seeds: int) -> dict:
    """Return each arm's macro-F1, and its gain over cross-entropy on the seeds that ended in both."""
    figures = {}
    for queries in BUDGETS:
        baseline = read_answers(folder, Arm(CROSS_ENTROPY, queries), seeds)
        if baseline:
            figures[f"cross_entropy_{queries}"] = mean_macro_f1(confusions_by_query(list(baseline.values())))
        for title in TEACHER_ARMS:
            for accuracy in ACCURACIES:
                answers = read_answers(folder, Arm(title, queries, accuracy), seeds)
                both = sorted(answers.keys() & baseline.keys())
                if both:
                    name = f"{title.replace(chr(39), '').replace(' ', '_')}_{queries}_at_{accuracy:.0%}"
                    figures |= gain(name.rstrip("%"), [answers[s] for s in both], [baseline[s] for s in both])
    return figures


def read_answers(folder: Path, arm: Arm, seeds: int) -> dict[int, dict]:
    """Read the answers of an arm's seeds that have ended."""
    paths = {seed: answers_path(folder, arm, seed) for seed in range(seeds)}
    return {seed: json.loads(path.read_text()) for seed, path in paths.items() if path.exists()}


def mean_macro_f1(confusion: np.ndarray) -> float:
    """Return macro-F1 over all queries, its mean over the seeds: confusion (Q, S, C, C + 1)."""
    return round(float(macro_f1(confusion.sum(0)).mean()), 4)


def gain(name: str, answers: list[dict], baseline: list[dict]) -> dict:
    """Return an arm's macro-F1, and its gain with an interval over queries, paired by seed."""

    def mean_over_seeds(sums: np.ndarray) -> np.ndarray:
        return macro_f1(sums).mean(-1)

    confusion = confusions_by_query(answers)
    interval = bootstrap_interval(confusion, mean_over_seeds, BootstrapConfig(), confusions_by_query(baseline))
    figures = {f"{name}_macro_f1": mean_macro_f1(confusion), f"{name}_gain": interval.estimate}
    return figures | {
        f"{name}_gain_low": interval.low,
        f"{name}_gain_high": interval.high,
        f"{name}_seeds": len(answers),
    }


if __name__ == "__main__":
    app()
