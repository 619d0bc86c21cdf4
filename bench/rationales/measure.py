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
from bench.rationales.arms import (
    ACCURACIES,
    BASELINES,
    BUDGETS,
    CROSS_ENTROPY,
    LRKD,
    SETTINGS,
    TEACHER_ARMS,
    TEACHER_SETTINGS,
    Arm,
    Setting,
    all_arms,
)
from bench.rationales.stage import TEST_QUERIES, Stage
from bench.worker_pool import on_cores
from components import contracts
from components.metrics import macro_f1

FOLDER = Path("runs/bench/rationales")
SETTING_QUERIES = 120  # to choose settings with
VALID_QUERIES = 235  # to choose them by
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
    arms = [arm for arm in all_arms() if only in arm.name or arm.title in BASELINES]
    if not any(only in arm.name for arm in arms):
        raise typer.BadParameter(f"no arm's name has {only!r} in it", param_hint="--only")
    settings = choose_settings(Stage(FOLDER, VALID_QUERIES, skipped_queries=TEST_QUERIES))
    stage = Stage(FOLDER)
    places = {arm: answers_folder(stage.folder, arm) for arm in arms}
    jobs = [worker_jobs(stage, arm, settings[arm.accuracy > 0], places[arm], seeds) for arm in arms]
    on_cores([job for of_seed in zip(*jobs, strict=True) for job in of_seed])
    figures = setting_figures(settings) | summarise(stage.folder, seeds)
    write_results("rationales", figures, "test queries of the marketplace of knowledge, and a stand-in teacher")
    show("rationales", figures)


def choose_settings(stage: Stage) -> dict[bool, Setting]:
    """Return the best setting without and with a teacher, by one student each on train queries that no arm tests."""
    plain = Arm(CROSS_ENTROPY, SETTING_QUERIES)
    lrkd = Arm(LRKD, SETTING_QUERIES, 0.8)
    return {False: choose_setting(stage, plain, SETTINGS), True: choose_setting(stage, lrkd, TEACHER_SETTINGS)}


def choose_setting(stage: Stage, arm: Arm, settings: tuple[Setting, ...]) -> Setting:
    """Return the setting with which an arm's student is best."""
    folders = {setting: stage.folder / "settings" / arm.name / setting.name for setting in settings}
    on_cores([job for setting, folder in folders.items() for job in worker_jobs(stage, arm, setting, folder, 1)])
    return max(settings, key=lambda setting: mean_of_seeds(read_answers(folders[setting], 1)))


def setting_figures(settings: dict[bool, Setting]) -> dict:
    """Return the chosen settings as figures."""
    names = {False: "cross_entropy_setting", True: "teacher_setting"}
    return {names[has_teacher]: setting.name for has_teacher, setting in settings.items()}


def worker_jobs(stage: Stage, arm: Arm, setting: Setting, folder: Path, seeds: int) -> list[tuple[Path, list]]:
    """Return the file of an arm's answers with each seed, and the worker's arguments that write it."""
    folder.mkdir(parents=True, exist_ok=True)
    training_set = stage.training_set(arm)
    judged_queries = set(stage.judged_queries)
    rows = [row for row in contracts.read(contracts.TRAINING_SET, training_set) if row["split"] == "train"]
    judged_pairs = sum(row["query_id"] in judged_queries for row in rows)
    config = arm.config(setting, judged_pairs, len(rows) - judged_pairs)
    inputs = [WORKER, training_set, stage.embeddings(arm, setting.target)]
    paths = [folder / f"{seed}.json" for seed in range(seeds)]
    return [(path, [*inputs, replace(config, seed=seed).to_json(), path]) for seed, path in enumerate(paths)]


def answers_folder(folder: Path, arm: Arm) -> Path:
    """Return where the answers of an arm's students are."""
    return folder / "answers" / arm.name


def summarise(folder: Path, seeds: int) -> dict:
    """Return each arm's macro-F1, and its gain over cross-entropy on the seeds that ended in both."""
    figures = {}
    for queries in BUDGETS:
        baselines = [read_answers(answers_folder(folder, Arm(title, queries)), seeds) for title in BASELINES]
        baseline = max(baselines, key=mean_of_seeds)
        for title, answers in zip(BASELINES, baselines, strict=True):
            if answers:
                figures[f"{figure_name(title)}_{queries}"] = mean_of_seeds(answers)
        for title in TEACHER_ARMS:
            for accuracy in ACCURACIES:
                answers = read_answers(answers_folder(folder, Arm(title, queries, accuracy)), seeds)
                both = sorted(answers.keys() & baseline.keys())
                if both:
                    name = f"{figure_name(title)}_{queries}_at_{100 * accuracy:.0f}"
                    figures |= gain(name, [answers[s] for s in both], [baseline[s] for s in both])
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


def gain(name: str, answers: list[dict], baseline: list[dict]) -> dict:
    """Return an arm's macro-F1, and its gain with an interval over queries, paired by seed."""
    confusion = confusions_by_query(answers)
    figures = {f"{name}_macro_f1": mean_macro_f1(confusion), f"{name}_seeds": len(answers)}
    return figures | interval_figures(f"{name}_gain", confusion, macro_f1, confusions_by_query(baseline))


if __name__ == "__main__":
    app()
