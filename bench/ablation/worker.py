"""Train one student of the ablation, and score it once on the valid split.

`python -m bench.ablation.worker TRAINING_SET EMBEDDINGS CONFIG OUT` writes OUT, as JSON.
"""

import json
import sys
import time
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.packaging.package import load_student, make_package
from components.scoring.package_config import ONNX_RUNTIME
from components.scoring.runtime import load_runtime
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.config import LrkdConfig
from components.student.dataset import LABEL_INDEX
from components.student.logits import predict_logits
from components.student.train import train
from testing.all_graphs import add_all_graphs


def main(training_set: str, embeddings: str, config: str, out: str) -> None:
    """Train, predict and write."""
    start = time.process_time()
    config = LrkdConfig.from_json(config)
    rows = valid_rows(training_set)
    with TemporaryDirectory() as folder:
        details = train(training_set, embeddings, config, folder).details
        logits = predict_rows(Path(folder), config, rows)
        served = make_package(folder, embeddings, training_set, f"{folder}/package").details["served_graph"]
        add_all_graphs(Path(folder, "package"), Path(folder))
        fp32_labels = predict_with_graph(Path(folder, "package"), fp32_name(served), rows)
        int8_labels = predict_with_graph(Path(folder, "package"), int8_name(served), rows)
    result = {
        "queries": [row["query_id"] for row in rows],
        "labels": [LABEL_INDEX[row["label"]] for row in rows],
        "predicted": logits.argmax(-1).tolist(),
        "logits": logits.numpy().round(3).tolist(),
        "predicted_fp32": fp32_labels,
        "predicted_int8": int8_labels,
        "served": served,
        "alignment": details["history"][-1]["alignment"],
        "temperature": details["temperature"],
        "token_share": details["token_share"],
        "cpu_seconds": round(time.process_time() - start),
    }
    write_answers(result, out)


def valid_rows(training_set: str) -> list[dict]:
    """Return the rows that a student is scored on."""
    return [row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == "valid"]


def write_answers(answers: dict, out: str) -> None:
    """Write a student's answers, whole or not at all."""
    Path(f"{out}.unfinished").write_text(json.dumps(answers))
    Path(f"{out}.unfinished").replace(out)


def predict_rows(folder: Path, config: LrkdConfig, rows: list[dict]):
    """Return the logits (N, C) of the trained student in PyTorch."""
    student, _ = load_student(folder)
    tokenizer = PairTokenizer(folder / "tokenizer.json", config.max_length, config.query_length)
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    return predict_logits(student, queries, items, tokenizer.lexical_features(queries, items))


def int8_name(served: str) -> str:
    """Return the name of the int8 graph, from that of the served graph."""
    return fp32_name(served).replace(".onnx", ".int8.onnx")


def fp32_name(served: str) -> str:
    """Return the name of the graph in full precision, from that of the served graph."""
    return served.replace(".int8", "").replace(".static", "")


def predict_with_graph(package: Path, graph: str, rows: list[dict]) -> list[int]:
    """Return the labels by one of a package's graphs, in requests of one query's items."""
    scorer = Scorer(package)
    config = replace(scorer.config, served_graph=graph, runtime=ONNX_RUNTIME)
    scorer.runtime = load_runtime(package, config, scorer.tokenizer)
    scorer.precomputed_items.rows.clear()  # these are of the graph that is served
    labels = {}
    for _, group in groupby(sorted(enumerate(rows), key=query_id), query_id):
        numbers, request = zip(*group, strict=True)
        scores = scorer([(row["query"], item_text(row)) for row in request])
        labels |= zip(numbers, scores.probabilities.argmax(-1).tolist(), strict=True)
    return [labels[number] for number in range(len(rows))]


def query_id(numbered_row: tuple[int, dict]) -> str:
    """Return the query of a numbered row."""
    return numbered_row[1]["query_id"]


if __name__ == "__main__":
    main(*sys.argv[1:])
