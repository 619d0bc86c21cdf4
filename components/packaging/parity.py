"""Comparison of a package's graphs with the model that was trained, on judged pairs. N pairs, C labels."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components import package_manifest
from components.packaging.evaluate import measure_predictions
from components.packaging.model_card import measure_slices
from components.packaging.package_metrics import PackageMetrics
from components.packaging.quantise import Graphs
from components.scoring.nearest_rationale import NearestRationale
from components.scoring.scorer import Scorer, Scores
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.logits import predict_logits
from components.student.model import Student

MAX_DIFFERENCE = 2e-3  # of a probability between PyTorch and fp32
MIN_AGREEMENT = 0.995  # share of labels in fp32; under 1 for pairs between two labels
MIN_INT8_AGREEMENT = 0.98  # share of labels for int8 to be served: most that change lie between two labels
MAX_INT8_LOSS = 0.005  # of macro-F1


@dataclass(frozen=True)
class GraphResult:
    """The answers of one graph, compared with PyTorch's."""

    graph: str
    scores: Scores
    predictions: list[dict]  # the pairs with predicted_label and probabilities
    max_difference: float  # of a probability
    agreement: float  # share of labels

    @property
    def macro_f1(self) -> float:
        """Return the macro-F1 of the predictions."""
        return measure_predictions(self.predictions).macro_f1


def compare_graphs(student: Student, config: dict, rows: list[dict], folder: Path, graphs: Graphs) -> PackageMetrics:
    """Compare the graphs with PyTorch on judged pairs, and configure which one is served.

    Raises:
        ValueError: fp32 differs from PyTorch, or there is no pair to compare on.
    """
    if not rows:
        raise ValueError("the training set holds no pair in the split 'valid': the export cannot be checked")
    reference = torch_probabilities(student, config, rows, folder)
    fp32 = run_graph(graphs.fp32, config, rows, folder, reference)
    require_parity(fp32)
    int8 = run_graph(graphs.int8, config, rows, folder, reference)
    int8_loss = fp32.macro_f1 - int8.macro_f1
    serves_int8 = int8.agreement >= MIN_INT8_AGREEMENT and int8_loss <= MAX_INT8_LOSS
    winner = int8 if serves_int8 else fp32
    write_config(config, winner.graph, folder)
    measures = measure_predictions(winner.predictions)
    return PackageMetrics(
        served_graph=winner.graph,
        parity_pairs=len(rows),
        parity_max_difference=fp32.max_difference,
        parity_agreement=fp32.agreement,
        int8_max_difference=int8.max_difference,
        int8_agreement=int8.agreement,
        int8_macro_f1_loss=int8_loss,
        explanation_agreement=explanation_agreement(winner.scores, NearestRationale(folder)),
        accuracy=measures.accuracy,
        macro_f1=measures.macro_f1,
        calibration_error=measures.calibration_error,
        slices=measure_slices(winner.predictions),
    )


def require_parity(fp32: GraphResult) -> None:
    """Raise where the fp32 graph differs from PyTorch."""
    if fp32.max_difference > MAX_DIFFERENCE or fp32.agreement < MIN_AGREEMENT:
        difference = f"{fp32.max_difference:.1e}, labels agree on {fp32.agreement:.1%}"
        raise ValueError(f"ONNX differs from PyTorch by {difference}: not packaged")


def torch_probabilities(student: Student, config: dict, rows: list[dict], folder: Path) -> np.ndarray:
    """Compute PyTorch's probabilities of the pairs in full precision: (N, C)."""
    tokenizer = PairTokenizer(folder / "tokenizer.json", config["max_length"], config["query_length"])
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    logits = predict_logits(student, queries, items, tokenizer.lexical_features(queries, items))
    return (logits / config["temperature"]).softmax(-1).numpy()


def run_graph(graph: str, config: dict, rows: list[dict], folder: Path, reference: np.ndarray) -> GraphResult:
    """Score the pairs by one graph as serving would, and compare with PyTorch (N, C)."""
    write_config(config, graph, folder)
    package_manifest.write(folder)
    scores = Scorer(folder)([(row["query"], item_text(row)) for row in rows])
    columns = zip(rows, scores.labels, scores.probabilities.tolist(), strict=True)
    predictions = [row | {"predicted_label": label, "probabilities": each} for row, label, each in columns]
    is_same = scores.probabilities.argmax(-1) == reference.argmax(-1)
    max_difference = float(np.abs(scores.probabilities - reference).max())
    return GraphResult(graph, scores, predictions, max_difference, float(is_same.mean()))


def explanation_agreement(scores: Scores, nearest: NearestRationale) -> float | None:
    """Return the share of pairs whose nearest rationale ends in the predicted label.

    It is None without rationales.
    """
    is_same = [
        rationales[0]["predicted_label"] == label
        for rationales, label in zip(nearest(scores.reasoning, 1), scores.labels, strict=True)
        if rationales
    ]
    return sum(is_same) / len(is_same) if is_same else None


def write_config(config: dict, graph: str, folder: Path) -> None:
    """Write the configuration that a server reads."""
    values = config | {"served": graph, "format": package_manifest.FORMAT}
    (folder / "config.json").write_text(json.dumps(values, indent=1))
