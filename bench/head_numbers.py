"""Would the student's head gain from the feature store's numbers? `python -m bench.head_numbers PACKAGE TRAINING_SET`.

A second model reads the student's own log-probabilities, alone or with the 16 numbers beside, and is judged on queries
that neither has seen: what it gains is what the head could gain. Leaves runs/bench/head_numbers.json.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.figures import machine_of, show
from components import contracts
from components.contracts import FEATURES, LABELS
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text
from components.teacher.compare import CompareConfig, accuracy, confusions, interval, macro_f1

FOLDS, AT_ONCE = 5, 200
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    package: Annotated[Path, typer.Argument(help="A student's package.")],
    training_set: Annotated[
        Path, typer.Argument(help="TRAINING_SET that it was made of, with the features of a night.")
    ],
    folds: Annotated[int, typer.Option(help="Of the queries that the student was not trained on.")] = FOLDS,
) -> None:
    """Compare second models with and without the store's numbers, by query; a minute."""
    every = contracts.read_batches(contracts.TRAINING_SET, training_set)
    rows = [row for row in every if row["split"] != "train"]
    said = log_probabilities(package, rows)
    numbers = np.array([[row[name] for name in FEATURES] for row in rows], np.float32)
    figures = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_of(), "pairs": len(rows)}
    figures["numbers_that_vary"] = ", ".join(np.array(FEATURES)[numbers.std(0) > 0])
    for name, model in (("linear", linear()), ("trees", trees())):
        alone, beside = (answers(model, read, rows, folds) for read in (said, np.c_[said, numbers]))
        for measure in (accuracy, macro_f1):
            for label, confusion, less in (("alone", alone, None), ("gain", beside, alone)):
                found = interval(confusion, measure, CompareConfig(), less)
                figures |= {f"{name}_{measure.__name__}_{label}": found["estimate"]}
                figures |= {f"{name}_{measure.__name__}_{label}_{end}": found[end] for end in ("low", "high")}
    out = Path("runs/bench/head_numbers.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1))
    show("the store's numbers beside the student", figures)


def log_probabilities(package: Path, rows: list[dict]) -> np.ndarray:
    """What the student says of the pairs, (N, C)."""
    scorer = Scorer(package)
    pairs = [(row["query"], item_text(row)) for row in rows]
    chunks = (pairs[first : first + AT_ONCE] for first in range(0, len(pairs), AT_ONCE))
    return np.log(np.concatenate([scorer(some).probabilities for some in chunks]) + 1e-6)


def linear():
    """Logistic regression on standardised numbers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def trees():
    """Boosted trees, which also see what numbers say together."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=80, learning_rate=0.05, max_leaf_nodes=8, random_state=0)


def answers(model, read: np.ndarray, rows: list[dict], folds: int) -> np.ndarray:
    """Confusions by query, (Q, C, C + 1), of what a model answers that was fitted on other queries."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    labels = np.array([LABELS.index(row["label"]) for row in rows])
    queries = [row["query_id"] for row in rows]
    said = cross_val_predict(model, read, labels, groups=queries, cv=GroupKFold(folds))
    told = {(row["query_id"], row["item_id"]): (row["label"], LABELS[n]) for row, n in zip(rows, said, strict=True)}
    return confusions(told)


if __name__ == "__main__":
    app()
