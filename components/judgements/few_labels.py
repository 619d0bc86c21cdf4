"""Few labels by people, many by a teacher: `python -m components.judgements.few_labels --help`."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from components.contracts import GAINS, LABELS
from components.formats.guess import guess_format
from components.input_paths import check_path
from components.judgements.convert import Texts, open_rows
from components.judgements.labels import parse_labels
from components.judgements.pairs import collect_pairs
from components.metrics import confusion_matrix, macro_f1
from components.prediction_powered import LabelledQueries, Measure, human_interval, mean_measure, powered_interval
from components.ranking_metrics import ndcg_at, precision_at

DESCRIPTION = """NDCG@k, P@k and macro-F1 with intervals, from few labels by people and many by a teacher.

HUMAN and TEACHER are judgements in any format that components.judgements.convert reads, PREDICTIONS a table of
query_id, item_id, score and, for macro-F1, predicted_label. People's labels count as truth. A query counts as judged by
people where they labelled all of its first k items (for macro-F1: any item). The teacher labels those queries as well
as many others, and counts the more, the better it agrees. A bad teacher does no harm.

As a gate: --at-least ndcg=0.7 exits with 2 where the lower bound is less.
"""
CONFUSION = len(LABELS) ** 2
Labels = Mapping[str, Mapping[str, str]]  # query -> item -> label


@dataclass(frozen=True)
class Prediction:
    """What a model says of an item."""

    item_id: str
    score: float
    label: str


def query_figures(ranking: Sequence[Prediction], labels: Mapping[str, str], k: int) -> dict[str, np.ndarray] | None:
    """Return what a query adds to each measure by some labels.

    None is a query that they do not cover. NDCG has the ideal of the items that were ranked and labelled.
    """
    figures = {}
    items = [prediction for prediction in ranking if prediction.item_id in labels]
    if not items:
        return None
    if all(prediction.item_id in labels for prediction in ranking[:k]):
        gains = [GAINS[labels[prediction.item_id]] for prediction in items]
        exact = [labels[prediction.item_id] == LABELS[0] for prediction in items]
        figures["ndcg"] = np.array([ndcg_at(gains, gains, k)])
        figures["precision"] = np.array([precision_at(exact, k)])
    classified_items = [prediction for prediction in items if prediction.label]
    if classified_items:
        judged_labels = [labels[prediction.item_id] for prediction in classified_items]
        confusion = confusion_matrix(judged_labels, [prediction.label for prediction in classified_items])
        figures["macro_f1"] = confusion.reshape(-1).astype(float)
    return figures


def measure_confusion(sums: np.ndarray) -> np.ndarray:
    """Return macro-F1 of summed confusions, (..., C x C)."""
    return macro_f1(sums.reshape(*sums.shape[:-1], len(LABELS), len(LABELS)))


MEASURES: dict[str, Measure] = {"ndcg": mean_measure, "precision": mean_measure, "macro_f1": measure_confusion}


def gather(name: str, human: Mapping[str, dict], teacher: Mapping[str, dict]) -> LabelledQueries | None:
    """Return the queries of one measure, None for fewer than two that both judged."""
    both = [query for query in human if name in human[query] and name in teacher.get(query, {})]
    alone = [query for query in teacher if name in teacher[query] and query not in human]
    if len(both) < 2:
        return None
    width = len(human[both[0]][name])
    return LabelledQueries(
        np.array([human[query][name] for query in both]),
        np.array([teacher[query][name] for query in both]),
        np.array([teacher[query][name] for query in alone]).reshape(len(alone), width),
    )


def list_figures(rankings: Mapping[str, Sequence[Prediction]], labels: Labels, k: int) -> dict[str, dict]:
    """Return the figures of each query that some labels cover."""
    figures = {query: query_figures(ranking, labels.get(query, {}), k) for query, ranking in rankings.items()}
    return {query: values for query, values in figures.items() if values}


def estimate_all(human: Mapping[str, dict], teacher: Mapping[str, dict]) -> dict[str, dict]:
    """Return each measure with its interval, and that of people's labels alone."""
    results = {}
    for name, measure in MEASURES.items():
        queries = gather(name, human, teacher)
        if queries is None:
            continue
        alone = human_interval(queries, measure)
        with_teacher = powered_interval(queries, measure)
        results[name] = asdict(with_teacher) | {"low_without_teacher": alone.low, "high_without_teacher": alone.high}
        if measure is mean_measure and queries.human.std() and queries.teacher.std():
            results[name]["deviation"] = float(queries.human.std(ddof=1))
            results[name]["correlation"] = float(np.corrcoef(queries.human[:, 0], queries.teacher[:, 0])[0, 1])
    return results


def read_labels(path: Path, option: str) -> Labels:
    """Return the labels of a file of judgements.

    Raises:
        ValueError: the file cannot be read, or a label is none of ours.
    """
    scale = parse_labels(option)
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for row in collect_pairs(open_rows(path, guess_format(path), Texts())).rows:
        if row["label"] is None:
            continue
        label = scale.find(row["label"])
        if label is None:
            raise ValueError(
                f"{path.name}, line {row['line']}: {row['label']!r} is no label; name the scale with --labels"
            )
        labels[row["query_id"]][row["item_id"]] = label
    return labels


def read_predictions(path: Path) -> dict[str, list[Prediction]]:
    """Return each query's predictions, the best score first.

    Raises:
        ValueError: the file lacks a score.
    """
    texts = Texts(columns={"label": "predicted_label"}) if path.suffix == ".parquet" else Texts()
    rankings: dict[str, list[Prediction]] = defaultdict(list)
    for row in collect_pairs(open_rows(path, "table", texts)).rows:
        if row.get("score") is None:
            raise ValueError(f"{path.name}, line {row['line']}: score is empty; predictions need one a row")
        rankings[row["query_id"]].append(Prediction(row["item_id"], float(row["score"]), row["label"] or ""))
    for ranking in rankings.values():
        ranking.sort(key=lambda prediction: -prediction.score)
    return rankings


def parse_bounds(text: str) -> dict[str, float]:
    """Read `ndcg=0.7,macro_f1=0.5`.

    Raises:
        ValueError: a part that cannot be read.
    """
    bounds = {}
    for part in filter(None, text.split(",")):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in MEASURES or not number:
            raise ValueError(f"--at-least: {part!r}; write NAME=NUMBER, NAME being one of {', '.join(MEASURES)}")
        bounds[name] = float(number)
    return bounds


def main(arguments: Sequence[str]) -> int:
    """Print the measures as JSON, and exit with 2 where a bound is not reached."""
    parser = argparse.ArgumentParser(
        prog="python -m components.judgements.few_labels",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("human", "teacher", "predictions"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    parser.add_argument("--k", type=int, default=10, help="places that count (default %(default)s)")
    parser.add_argument("--labels", default="", help="what both files' labels mean, as 0-3 or 3=Exact,0=Irrelevant")
    parser.add_argument("--at-least", default="", help="lower bounds to hold, as ndcg=0.7,macro_f1=0.5")
    args = parser.parse_args(arguments)
    try:
        bounds = parse_bounds(args.at_least)
        for name in ("human", "teacher", "predictions"):
            check_path(name.upper(), getattr(args, name))
        rankings = read_predictions(args.predictions)
        human, teacher = (
            list_figures(rankings, read_labels(path, args.labels), args.k) for path in (args.human, args.teacher)
        )
        results = estimate_all(human, teacher)
        if missing := bounds.keys() - results.keys():
            raise ValueError(f"{min(missing)} has fewer than two queries that people and the teacher judged")
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    print(json.dumps(results, indent=1))
    return 2 if any(results[name]["low"] < bound for name, bound in bounds.items()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
