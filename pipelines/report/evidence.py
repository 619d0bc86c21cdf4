"""What the report reads from a run's artifacts: changed queries, NDCG of every model, and lineage."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from components import contracts
from components.chosen_student import choose_artifact
from components.metrics import BootstrapConfig, bootstrap_interval, macro_f1
from components.release.predictions import load_predictions
from pipelines.report.query_changes import compare_rankings, mean_ndcg

PREDICTIONS = {  # the candidate is LRKD or plain
    "candidate": "choose-student",
    "LRKD": "predict-split-3",
    "plain": "predict-split-2",
    "baseline": "predict-split",
}
ROOT = Path(__file__).parents[2]


def collect_evidence(tasks: Mapping) -> dict:
    """Return `rankings` and `lineage` of a finished retraining, for the summary."""
    predictions = list_predictions(tasks)
    judgements = tasks["prepare-judgements"].artifacts["judgements"]
    rankings = compare_rankings(predictions["candidate"], predictions["baseline"], judgements)
    rankings["ndcg_at_10"] = {model: mean_ndcg(path) for model, path in predictions.items()}
    return {"rankings": rankings, "macro_f1": measure_macro_f1(predictions), "lineage": read_lineage(tasks)}


def list_predictions(tasks: Mapping) -> dict[str, Path]:
    """Return the predictions of each model that scored any pair."""
    paths = {model: tasks[name].artifacts["predictions"] for model, name in PREDICTIONS.items() if name in tasks}
    return {model: path for model, path in paths.items() if contracts.count(path)}


def measure_macro_f1(predictions: Mapping[str, Path]) -> dict[str, dict]:
    """Return macro-F1 by model, and LRKD's paired gain over plain, with intervals over queries."""
    queries = {model: sum_confusions(path) for model, path in predictions.items()}
    config = BootstrapConfig()
    scores = {model: bootstrap_interval(counts, macro_f1, config) for model, counts in queries.items()}
    if {"LRKD", "plain"} <= queries.keys():
        scores["LRKD over plain"] = bootstrap_interval(queries["LRKD"], macro_f1, config, queries["plain"])
    return {name: asdict(interval) for name, interval in scores.items()}


def sum_confusions(path: Path) -> np.ndarray:
    """Return each query's confusion of judged and predicted label: (Q, C, C)."""
    predictions = load_predictions(path)
    return np.add.reduceat(predictions.confusions(), predictions.query_starts)


def read_lineage(tasks: Mapping) -> dict[str, str]:
    """Return where the candidate comes from: code, data and models by digest, and its package."""
    choice = tasks["choose-student"]
    packages = (tasks[name].artifacts["package"] for name in ("package-student-2", "package-student"))
    folder = choose_artifact(choice.facts["student"], *packages)
    package = json.loads((folder / "lineage.json").read_text())
    teachers = ", ".join(digest[:12] for digest in package["teachers"])
    return {
        "package": f"packages/{choice.output}",
        "git_commit": git_commit(),
        "code": package["code"],
        "training_set": package["training_set"][:12],
        "teacher": teachers,
        "weights": package["weights"][:12],
    }


def git_commit() -> str:
    """Return the checkout's commit, or nothing where this is no checkout."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return ""
    return answer.stdout.strip()
