"""Measure what a teacher's facts bring a student: `python -m bench.rationales.measure --help`.

Every arm and seed is a process on a core of its own. Results are kept: a measurement that was stopped goes on where it
was, so it may be run in parts.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.ablation.results import confusions_by_query, interval_figures, read_answers
from bench.figures import show, write_results
from bench.rationales.arms import ACCURACIES, BASELINES, BUDGETS, LRKD, TEACHER_ARMS, Arm, all_arms
from bench.rationales.stage import TEST_QUERIES, Stage
from bench.worker_pool import on_cores
from components import contracts
from components.metrics import macro_f1

FOLDER = Path("runs/bench/rationales")
VALID_QUERIES = 235  # of the train queries, to choose settings by
WORKER = "bench.rationales.worker"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    seeds: Annotated[int, typer.Option(help="Students an arm.")] = 3,
    only: Annotated[list[str] | None, typer.Option(help="Parts of arms' names, as in `30 queries` or `80%`.")] = None,
    on_train_queries: Annotated[bool, typer.Option(help="Test on train queries, to choose settings by.")] = False,
) -> None:
    """Train a student for every arm and seed, and print gains over cross-entropy with intervals.

    Intervals are over queries, of means over the seeds. All arms take some hours on two cores.
    """
    arms = select_arms(only or [])
    stage = Stage(FOLDER, VALID_QUERIES, skipped_queries=TEST_QUERIES) if on_train_queries else Stage(FOLDER)
    jobs = [worker_jobs(stage, arm, seeds) for arm in arms]
    on_cores([job for of_seed in zip(*jobs, strict=True) for job in of_seed])
    figures = summarise(stage, seeds)
    if not on_train_queries:
        write_results("rationales", figures, "test queries of the marketplace of knowledge, and a stand-in teacher")
    show("rationales", figures)


def select_arms(parts: list[str]) -> list[Arm]:
    """Return the arms with all parts in their names, and the baselines of as many judged queries.

    Raises:
        typer.BadParameter: there is none.
    """
    chosen_arms = [arm for arm in all_arms() if all(part in arm.name for part in parts)]
    if not chosen_arms:
        raise typer.BadParameter(f"no arm's name has {' and '.join(map(repr, parts))} in it", param_hint="--only")
    budgets = {arm.queries for arm in chosen_arms}
    baselines = [arm for arm in all_arms() if arm.title in BASELINES and arm.queries in budgets]
    return list(dict.fromkeys([*baselines, *chosen_arms]))


def worker_jobs(stage: Stage, arm: Arm, seeds: int) -> list[tuple[Path, list]]:
    """Return the file of an arm's answers with each seed, and the worker's arguments that write it."""
    folder = answers_folder(stage, arm)
    folder.mkdir(parents=True, exist_ok=True)
    training_set = stage.training_set(arm)
    judged_queries = set(stage.judged_queries)
    rows = [row for row in contracts.read(contracts.TRAINING_SET, training_set) if row["split"] == "train"]
    judged_pairs = sum(row["query_id"] in judged_queries for row in rows)
    config = arm.config(judged_pairs, len(rows) - judged_pairs)
    inputs = [WORKER, training_set, stage.embeddings(arm)]
    paths = [folder / f"{seed}.json" for seed in range(seeds)]
    return [(path, [*inputs, replace(config, seed=seed).to_json(), path]) for seed, path in enumerate(paths)]


def answers_folder(stage: Stage, arm: Arm) -> Path:
    """Return where the answers of an arm's students are."""
    return stage.folder / f"answers from {stage.skipped_queries}" / arm.name


def summarise(stage: Stage, seeds: int) -> dict:
    """Return each arm's macro-F1, and its gain over cross-entropy on the seeds that ended in both."""
    figures = {}
    for queries in BUDGETS:
        baselines = [read_answers(answers_folder(stage, Arm(title, queries)), seeds) for title in BASELINES]
        baseline = max(baselines, key=mean_of_seeds)
        for title, answers in zip(BASELINES, baselines, strict=True):
            if answers:
                figures[f"{figure_name(title)}_{queries}"] = mean_of_seeds(answers)
        for title in TEACHER_ARMS:
            for accuracy in ACCURACIES:
                answers = read_answers(answers_folder(stage, Arm(title, queries, accuracy)), seeds)
                both = sorted(answers.keys() & baseline.keys())
                if both:
                    name = f"{queries}_stand_in_{100 * accuracy:.0f}"
                    figures |= gain(title, name, [answers[s] for s in both], [baseline[s] for s in both])
    return figures


def figure_name(title: str) -> str:
    """Return an arm's title as a figure's name."""
    return title.replace("'", "").replace(",", "").replace("-", "_").replace(" ", "_")


def mean_of_seeds(answers: dict[int, dict]) -> float:
    """Return macro-F1 by seed, averaged, or 0 without any."""
    return mean_macro_f1(confusions_by_query(list(answers.values()))) if answers else 0.0


def mean_macro_f1(confusion: np.ndarray) -> float:
    """Return macro-F1 over all queries, its mean over the seeds: confusion (Q, S, C, C + 1)."""
    return round(float(macro_f1(confusion.sum(0)).mean()), 4)


def gain(title: str, name: str, answers: list[dict], baseline: list[dict]) -> dict:
    """Return an arm's macro-F1, and its gain with an interval over queries, paired by seed.

    LRKD's gain is `gain_NAME`, another arm's has its title before that.
    """
    confusion = confusions_by_query(answers)
    prefix = "" if title == LRKD else f"{figure_name(title)}_"
    figures = {f"{prefix}macro_f1_{name}": mean_macro_f1(confusion), f"{prefix}seeds_{name}": len(answers)}
    return figures | interval_figures(f"{prefix}gain_{name}", confusion, macro_f1, confusions_by_query(baseline))


if __name__ == "__main__":
    app()
