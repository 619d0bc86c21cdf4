"""Comparison of a package's graphs with the model that was trained, on judged pairs. N pairs, C labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components import package_manifest
from components.packaging.evaluate import measure_predictions
from components.packaging.model_card import measure_slices
from components.packaging.package_metrics import PackageMetrics
from components.packaging.quantise import Graphs
from components.packaging.runtime_choice import MAX_SHARE, ServingOption, openvino_options, request_cpu_ms
from components.scoring.nearest_rationale import NearestRationale
from components.scoring.package_config import ONNX_RUNTIME
from components.scoring.scorer import Scorer, Scores
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.logits import predict_logits
from components.student.model import Student

MAX_DIFFERENCE = 2e-3  # of a probability between PyTorch and fp32
MIN_AGREEMENT = 0.995  # share of labels in fp32; under 1 for pairs between two labels
MIN_SERVED_AGREEMENT = 0.98  # share of labels for int8 or bf16 to be served: most that change lie between two labels
MAX_SERVED_LOSS = 0.005  # of macro-F1


@dataclass(frozen=True)
class GraphResult:
    """The answers of one graph in one runtime, compared with PyTorch's."""

    option: ServingOption
    scorer: Scorer
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

    def run(option: ServingOption) -> GraphResult:
        return run_graph(option, config, rows, folder, reference)

    fp32 = run(ServingOption(graphs.fp32))
    require_parity(fp32)
    int8 = run(ServingOption(graphs.int8))
    alternatives = [run(option) for option in openvino_options(graphs)]
    winner, options = choose(fp32, [int8, *alternatives], rows)
    write_config(config, winner.option, folder)
    measures = measure_predictions(winner.predictions)
    return PackageMetrics(
        served_graph=winner.option.graph,
        runtime=winner.option.runtime,
        precision=winner.option.precision,
        options=options,
        parity_pairs=len(rows),
        parity_max_difference=fp32.max_difference,
        parity_agreement=fp32.agreement,
        int8_max_difference=int8.max_difference,
        int8_agreement=int8.agreement,
        int8_macro_f1_loss=fp32.macro_f1 - int8.macro_f1,
        explanation_agreement=explanation_agreement(winner.scores, NearestRationale(folder)),
        accuracy=measures.accuracy,
        macro_f1=measures.macro_f1,
        calibration_error=measures.calibration_error,
        slices=measure_slices(winner.predictions),
    )


def choose(fp32: GraphResult, others: Sequence[GraphResult], rows: list[dict]) -> tuple[GraphResult, dict[str, dict]]:
    """Return what is to be served, and the measurements of every option by name.

    Of ONNX Runtime's graphs it is int8 where that keeps the labels. Another runtime has to keep them, too, and to be
    faster by more than `MAX_SHARE` asks; times are measured only where one may be.
    """
    keeping = [result for result in others if keeps_labels(result, fp32)]
    default = next((result for result in keeping if result.option.runtime == ONNX_RUNTIME), fp32)
    rivals = [result for result in keeping if result.option.runtime != ONNX_RUNTIME]
    contenders = [default, *rivals] if rivals else []
    cpu_ms = request_cpu_ms({result.option.name: result.scorer for result in contenders}, rows)
    winner = min(contenders, key=lambda result: cpu_ms[result.option.name], default=default)
    if winner is not default and cpu_ms[winner.option.name] > MAX_SHARE * cpu_ms[default.option.name]:
        winner = default
    options = {
        result.option.name: {
            "agreement": result.agreement,
            "macro_f1_loss": fp32.macro_f1 - result.macro_f1,
            "cpu_ms": cpu_ms.get(result.option.name),
        }
        for result in (fp32, *others)
    }
    return winner, options


def keeps_labels(result: GraphResult, fp32: GraphResult) -> bool:
    """Return True where a graph that is not exact may be served."""
    loss = fp32.macro_f1 - result.macro_f1
    return result.agreement >= MIN_SERVED_AGREEMENT and loss <= MAX_SERVED_LOSS


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


def run_graph(
    option: ServingOption, config: dict, rows: list[dict], folder: Path, reference: np.ndarray
) -> GraphResult:
    """Score the pairs by one graph as serving would, and compare with PyTorch (N, C)."""
    write_config(config, option, folder)
    package_manifest.write(folder)
    scorer = Scorer(folder)
    scores = scorer([(row["query"], item_text(row)) for row in rows])
    columns = zip(rows, scores.labels, scores.probabilities.tolist(), strict=True)
    predictions = [row | {"predicted_label": label, "probabilities": each} for row, label, each in columns]
    is_same = scores.probabilities.argmax(-1) == reference.argmax(-1)
    max_difference = float(np.abs(scores.probabilities - reference).max())
    return GraphResult(option, scorer, scores, predictions, max_difference, float(is_same.mean()))


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


def write_config(config: dict, option: ServingOption, folder: Path) -> None:
    """Write the configuration that a server reads."""
    values = config | {"served": option.graph, "runtime": option.runtime, "precision": option.precision}
    values |= {"format": package_manifest.FORMAT}
    (folder / "config.json").write_text(json.dumps(values, indent=1))
