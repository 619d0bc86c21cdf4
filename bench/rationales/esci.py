"""Measure an ensemble's labels on ESCI, people's judgements: `python -m bench.rationales.esci --help`.

Fixed beforehand: settings are those that the ablation chose on folds 0 and 1 of the train queries, with the encoder's
last two layers trained; figures are of folds 2 to 4. The teacher is the mean of the calibrated probabilities of three
students of the other folds' judgements, of other seeds than the student's: cross-encoders of this size do worse on ESCI
(`bench.ablation`). It labels the six nearest products of each query that nobody judged for it. The labelled student
reads judged and labelled pairs once, the plain one the judged twice, and a long one as often as makes as many updates.
Beside them stands the encoder as it comes: the cosine of query and item.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from sklearn.metrics import roc_auc_score

from bench.ablation.results import confusions_by_query, interval_figures
from bench.ablation.rows import STUDENTS
from bench.esci import esci_option
from bench.figures import show, update_results
from bench.rationales.esci_folds import EsciFolds
from bench.rationales.measure import FOLDER
from bench.worker_pool import on_cores
from components import contracts
from components.metrics import LABEL_GAINS, BootstrapConfig, accuracy, bootstrap_interval, macro_f1, ndcg

WORKER = "bench.rationales.esci_worker"
TESTED_FOLDS = (2, 3, 4)
PLAIN, LONG, LABELLED, ENSEMBLE, COSINE = "plain", "plain, as many updates", "labelled", "ensemble", "cosine"
TITLES = (PLAIN, LONG, LABELLED, ENSEMBLE, COSINE)  # the last has no label, and its order is the others' reference
STUDENT = replace(STUDENTS["esci"], align_weight=0.0, trained_layers=2)
MEMBERS = {f"member {seed}": replace(STUDENT, seed=seed) for seed in (1, 2, 3)}
LABELLED_EPOCHS = 1
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: Annotated[Path, esci_option(".")],
    folds: Annotated[list[int] | None, typer.Option("--fold", help="Of 0 to 4; 2, 3 and 4 by default.")] = None,
    has_teacher: Annotated[bool, typer.Option("--teacher/--no-teacher", help="Train the ensemble, too.")] = True,
) -> None:
    """Train the ensemble and the students, and print measures and gains with intervals over queries.

    A fold takes about an hour of a core, ten minutes without the ensemble; what has ended is kept.
    """
    data = EsciFolds(FOLDER / "esci", esci)
    chosen_folds = folds or TESTED_FOLDS
    on_cores([worker_job(data, fold, PLAIN, STUDENT) for fold in chosen_folds])
    if has_teacher:
        members = [(fold, title, config) for title, config in MEMBERS.items() for fold in chosen_folds]
        on_cores([worker_job(data, *member, data.unjudged(member[0])) for member in members])
        on_cores([job for fold in chosen_folds for job in labelled_jobs(data, fold)])
    titles = TITLES if has_teacher else (PLAIN, COSINE)
    figures = summarise({title: read_folds(data, title, chosen_folds) for title in titles})
    update_results(
        "rationales", figures, f"folds {', '.join(map(str, chosen_folds))} of ESCI's train queries, one seed"
    )
    show("rationales", figures)


def answers_path(data: EsciFolds, fold: int, title: str) -> Path:
    """Return where a student's answers for a fold are."""
    return data.folder / f"{title}-{fold}.json"


def worker_job(data: EsciFolds, fold: int, title: str, config, *unjudged: Path) -> tuple[Path, list]:
    """Return the file of a student's answers, and the worker's arguments that write it.

    `unjudged` are none, UNJUDGED to answer for, or UNJUDGED and TEACHER_LABELS to learn from.
    """
    path = answers_path(data, fold, title)
    return path, [WORKER, data.training_set(fold), config.to_json(), path, *unjudged]


def labelled_jobs(data: EsciFolds, fold: int) -> list[tuple[Path, list]]:
    """Return the jobs of the labelled student and of the plain one with as many updates."""
    labels = data.write_labels(fold, ensemble_mean(data, fold, "unjudged_probabilities"))
    judged = len(data.rows) - len(data.held_out_rows(fold))
    updates = (judged + contracts.count(data.unjudged(fold))) / judged
    labelled = replace(STUDENT, epochs=LABELLED_EPOCHS)
    long = replace(STUDENT, epochs=round(LABELLED_EPOCHS * updates, 2))
    return [worker_job(data, fold, LABELLED, labelled, data.unjudged(fold), labels), worker_job(data, fold, LONG, long)]


def ensemble_mean(data: EsciFolds, fold: int, column: str) -> np.ndarray:
    """Return the mean of the ensemble's probabilities (N, C)."""
    members = [json.loads(answers_path(data, fold, title).read_text())[column] for title in MEMBERS]
    return np.mean(members, axis=0)


def read_folds(data: EsciFolds, title: str, folds: Sequence[int]) -> dict[str, list]:
    """Return the folds' answers as one: queries, labels, predicted labels (none of a cosine) and scores."""
    answers: dict[str, list] = {"queries": [], "labels": [], "predicted": [], "scores": []}
    for fold in folds:
        one = json.loads(answers_path(data, fold, title if title in (LABELLED, LONG) else PLAIN).read_text())
        if title == ENSEMBLE:
            one["probabilities"] = ensemble_mean(data, fold, "probabilities")
        if title == COSINE:
            one["scores"] = data.cosines(fold).tolist()
        else:
            probabilities = np.array(one["probabilities"])
            one |= {"predicted": probabilities.argmax(-1).tolist(), "scores": (probabilities @ LABEL_GAINS).tolist()}
        for name, values in answers.items():
            values += one[name]
    return answers


def summarise(answers: dict[str, dict[str, list]]) -> dict:
    """Return each model's measures, and the differences that decide."""
    plain = confusions_by_query([answers[PLAIN]])
    figures = {"esci_pairs": len(answers[PLAIN]["queries"]), "esci_queries": len(plain)}
    for title, one in answers.items():
        name = "esci_" + title.replace(", ", "_").replace(" ", "_")
        figures |= ranking_figures(name, one, answers[COSINE])
        if title == COSINE:
            continue
        confusion = confusions_by_query([one])
        for measure in (accuracy, macro_f1):
            figures |= interval_figures(f"{name}_{measure.__name__}", confusion, measure)
            if title != PLAIN:
                figures |= interval_figures(f"{name}_{measure.__name__}_over_plain", confusion, measure, plain)
    return figures


def ranking_figures(name: str, answers: dict[str, list], cosine: dict[str, list]) -> dict:
    """Return NDCG@10 over queries of three items and more, also less the cosine's, and AUC of Exact over all pairs."""
    by_query = query_ndcgs(answers)
    is_exact = np.array(answers["labels"]) == 0
    figures = {f"{name}_ndcg10_queries": len(by_query)}
    measures = {"ndcg10": by_query}
    if answers is not cosine:
        measures["ndcg10_over_cosine"] = by_query - query_ndcgs(cosine)
    for measure, values in measures.items():
        interval = bootstrap_interval(values[:, None], lambda sums: sums[..., 0] / len(by_query), BootstrapConfig())
        figures |= {f"{name}_{measure}": interval.estimate}
        figures |= {f"{name}_{measure}_low": interval.low, f"{name}_{measure}_high": interval.high}
    return figures | {f"{name}_auc_exact": round(float(roc_auc_score(is_exact, answers["scores"])), 4)}


def query_ndcgs(answers: dict[str, list]) -> np.ndarray:
    """Return NDCG@10 (Q,) of the queries that have one, in the order of their names."""
    queries, labels, scores = (np.array(answers[name]) for name in ("queries", "labels", "scores"))
    by_query = [ndcg(LABEL_GAINS[labels[queries == query]], scores[queries == query]) for query in np.unique(queries)]
    return np.array([value for value in by_query if not np.isnan(value)])


if __name__ == "__main__":
    app()
