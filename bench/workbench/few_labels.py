"""Whether prediction-powered intervals hold on ESCI's judgements, and how narrow they are, by kind of labeller."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from bench.esci import ESCI_PAIRS
from bench.workbench.oracle_python import ask
from components.contracts import LABELS
from components.judgements.few_labels import MEASURES, Prediction, query_figures
from components.prediction_powered import LabelledQueries, human_interval, mean_measure, powered_interval

RESAMPLES = 1000
K = 10
DENSE_ITEMS = 15  # judged ones, of a query whose ranking is measured
SIZES = {
    "ndcg": (50, 1000),
    "precision": (50, 1000),
    "macro_f1": (300, 3000),
}  # queries by people, by the teacher alone
GOOD = 0.9  # of the good labeller's labels are right
BAD = 0.3  # of the bad one's, which else says Exact
SEED = 11
NAMES = {label[0]: label for label in LABELS}


def measure_few_labels(python: Path, esci: Path) -> dict:
    """Return coverage and width by measure and labeller, and the difference to ppi-python."""
    rng = np.random.default_rng(SEED)
    rows = pq.read_table(
        esci / ESCI_PAIRS, columns=["query_id", "query", "product_title", "brand", "label"]
    ).to_pylist()
    for row in rows:
        row["label"] = NAMES[row["label"]]
    predictions = predict(rows)
    figures = {"people": list_figures(rows, predictions, [row["label"] for row in rows])}
    for name, share in (("good", GOOD), ("bad", BAD)):
        figures[name] = list_figures(rows, predictions, draw_labels(rows, share, name, rng))
    results: dict[str, float] = {}
    for name in MEASURES:
        for teacher in ("good", "bad"):
            results |= resample(name, teacher, figures, rng)
    worst = {
        "ppi_coverage": min(results[name] for name in results if name.endswith("coverage")),
        "ppi_narrower_percent": min(results[name] for name in results if name.endswith("good_narrower_percent")),
        "ppi_bad_labeller_narrower_percent": min(
            results[name] for name in results if name.endswith("bad_narrower_percent")
        ),
    }
    return worst | results | compare_with_ppi_python(python, figures)


def predict(rows: list[dict]) -> list[tuple[float, str]]:
    """Return a small model's score and label of each pair, from queries that it did not learn from."""
    features = np.array([overlap(row) for row in rows])
    labels = np.array([LABELS.index(row["label"]) for row in rows])
    groups = np.array([str(row["query_id"]) for row in rows])
    model = LogisticRegression(class_weight="balanced", max_iter=500)
    probabilities = cross_val_predict(model, features, labels, groups=groups, cv=GroupKFold(5), method="predict_proba")
    return [(float(row[0]), LABELS[int(row.argmax())]) for row in probabilities]


def overlap(row: dict) -> list[float]:
    """Return how far a query's words are in the title."""
    query = set(row["query"].lower().split())
    title = set((row["product_title"] or "").lower().split())
    both = len(query & title)
    brand = (row["brand"] or "").lower()
    return [both / len(query), both / max(len(query | title), 1), len(query), float(bool(brand) and brand in query)]


def draw_labels(rows: list[dict], share: float, name: str, rng) -> list[str]:
    """Return a labeller's labels: so many are right, the others are any (good), or Exact (bad)."""
    labels = []
    for row in rows:
        other = LABELS[rng.integers(len(LABELS))] if name == "good" else LABELS[0]
        labels.append(row["label"] if rng.random() < share else other)
    return labels


def list_figures(rows: list[dict], predictions: list[tuple[float, str]], labels: list[str]) -> dict[str, dict]:
    """Return what each query adds to each measure."""
    rankings = defaultdict(list)
    judged_labels: dict[str, dict[str, str]] = defaultdict(dict)
    for number, (row, (score, predicted_label), label) in enumerate(zip(rows, predictions, labels, strict=True)):
        rankings[row["query_id"]].append(Prediction(str(number), score, predicted_label))
        judged_labels[row["query_id"]][str(number)] = label
    figures = {}
    for query, ranking in rankings.items():
        ranking.sort(key=lambda prediction: -prediction.score)
        values = query_figures(ranking, judged_labels[query], K)
        is_dense = len(ranking) >= DENSE_ITEMS
        names = ("ndcg", "precision") if is_dense else ("macro_f1",)
        figures[query] = {name: values[name] for name in names}
    return figures


def resample(name: str, teacher: str, figures: dict, rng) -> dict[str, float]:
    """Return how often intervals hold the population's figure, and how much narrower a teacher makes them."""
    human, labels = (stack(figures[source], name) for source in ("people", teacher))
    measure = MEASURES[name]
    truth = float(measure(human.mean(axis=0)))
    human_queries, teacher_queries = SIZES[name]
    hits = 0
    human_hits = 0
    widths = []
    for _ in range(RESAMPLES):
        both = rng.integers(len(human), size=human_queries)
        alone = rng.integers(len(human), size=teacher_queries)
        queries = LabelledQueries(human[both], labels[both], labels[alone])
        powered = powered_interval(queries, measure)
        people = human_interval(queries, measure)
        hits += powered.low <= truth <= powered.high
        human_hits += people.low <= truth <= people.high
        widths.append((powered.width, people.width))
    powered_width, people_width = np.mean(widths, axis=0)
    prefix = f"ppi_{name}_{teacher}"
    return {
        f"{prefix}_coverage": hits / RESAMPLES,
        f"ppi_{name}_{teacher}_people_alone_cover": human_hits / RESAMPLES,
        f"{prefix}_narrower_percent": round(float(100 * (1 - powered_width / people_width)), 1),
    }


def stack(figures: dict, name: str) -> np.ndarray:
    """Return what all queries add to one measure."""
    return np.array([figures[query][name] for query in sorted(figures) if name in figures[query]])


def compare_with_ppi_python(python: Path, figures: dict) -> dict[str, float]:
    """Return the largest difference of the estimate and of the standard error to ppi-python's."""
    human, teacher = (stack(figures[source], "ndcg")[:, 0] for source in ("people", "good"))
    count = len(human) // 3
    queries = LabelledQueries(*(part[:, None] for part in (human[:count], teacher[:count], teacher[count:])))
    ours = powered_interval(queries, mean_measure)
    request = {"what": "mean", "weight": ours.teacher_weight, "alpha": 0.05}
    request |= {"human": human[:count].tolist(), "teacher": teacher[:count].tolist()}
    theirs = ask(python, request | {"teacher_alone": teacher[count:].tolist()})
    return {
        "ppi_estimate_difference_ppi_python": abs(ours.estimate - theirs["estimate"]),
        "ppi_width_over_ppi_python": round(ours.width / (theirs["high"] - theirs["low"]), 4),
    }
