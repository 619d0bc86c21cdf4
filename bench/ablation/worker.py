"""Train one student of the ablation, score it once on the valid split, and probe it.

`python -m bench.ablation.worker TRAINING_SET EMBEDDINGS CONFIG OUT` writes OUT, as JSON.
"""

import json
import sys
import time
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from components import contracts
from components.packaging.package import load, package
from components.scoring.onnx_runtime import load_runtime
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.config import LrkdConfig
from components.student.dataset import LABEL_INDEX
from components.student.logits import logits_of
from components.student.train import train

PROBED = {"mismatch": lambda row: row["mismatch"], "category": lambda row: (row["category"] or "").split(" > ")[0]}
LEAST = 20  # pairs of a class that a probe is asked about


def main(training_set: str, embeddings: str, config: str, out: str) -> None:
    """Train, predict, probe, write."""
    config, began = LrkdConfig.from_json(config), time.process_time()
    rows = [row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == "valid"]
    with TemporaryDirectory() as folder:
        said = train(training_set, embeddings, config, folder)
        student, _ = load(folder)
        packaged = package(folder, embeddings, training_set, f"{folder}/package")
        served, int8 = (labels_of(f"{folder}/package", kind, rows) for kind in ("", ".int8"))
        tokenizer = PairTokenizer(f"{folder}/tokenizer.json", config.max_length, config.query_length)
    read: list[torch.Tensor] = []
    student.classifier.register_forward_pre_hook(lambda _, given: read.append(torch.cat(given, -1)))
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    order = sorted(range(len(rows)), key=lambda n: len(queries[n]) + len(items[n]))
    rows = [rows[n] for n in order]  # so that the hook sees them in this order
    queries, items = [queries[n] for n in order], [items[n] for n in order]
    logits = logits_of(student, queries, items, tokenizer.lexical_features(queries, items))
    vectors = torch.cat(read).numpy()  # the pair, and the reasoning beside
    result = {
        "queries": [row["query_id"] for row in rows],
        "labels": [LABEL_INDEX[row["label"]] for row in rows],
        "predicted": logits.argmax(-1).tolist(),
        "logits": [[round(value, 3) for value in row] for row in logits.tolist()],
        "predicted_fp32": [served[n] for n in order],  # by the package's graphs
        "predicted_int8": [int8[n] for n in order],
        "served": packaged["served"],
        "alignment": said["history"][-1]["alignment"],
        "temperature": said["temperature"],
        "token_share": said["token_share"],
        "cpu_seconds": round(time.process_time() - began),
        "probe": probes(vectors, vectors.shape[1] - student.extractor.out.out_features, rows),
    }
    Path(f"{out}.unfinished").write_text(json.dumps(result))
    Path(f"{out}.unfinished").replace(out)


def labels_of(folder: str, kind: str, rows: list[dict]) -> list[int]:
    """What one of a package's two graphs says of the pairs, asked in requests of one query's items."""
    scorer = Scorer(folder)
    graph = scorer.config.served.replace(".int8", "").replace(".onnx", f"{kind}.onnx")
    scorer.runtime = load_runtime(Path(folder), replace(scorer.config, served=graph), scorer.tokenizer)
    scorer.precomputed.rows.clear()  # these are of the graph that is served
    said = {}
    for _, group in groupby(sorted(range(len(rows)), key=lambda n: rows[n]["query_id"]), lambda n: rows[n]["query_id"]):
        asked = list(group)
        scores = scorer([(rows[n]["query"], item_text(rows[n])) for n in asked])
        said |= zip(asked, scores.probabilities.argmax(-1).tolist(), strict=True)
    return [said[n] for n in range(len(rows))]


def probes(read: np.ndarray, width: int, rows: list[dict]) -> dict:
    """How well linear probes on [CLS] and on r read a pair's kind of mismatch and category, over queries not seen."""
    found = {}
    for name, what in PROBED.items():
        known = [n for n, row in enumerate(rows) if what(row)]
        classes = [what(rows[n]) for n in known]
        kept = [place for place, one in enumerate(classes) if classes.count(one) >= LEAST]
        for part, vectors in (("cls", read[:, :width]), ("reasoning", read[:, width:])):
            if vectors.shape[1] and len({classes[place] for place in kept}) > 1:
                chosen = [known[place] for place in kept]
                groups = [rows[n]["query_id"] for n in chosen]
                found[f"{name}_{part}"] = probe(vectors[chosen], [classes[place] for place in kept], groups)
    return found


def probe(vectors: np.ndarray, classes: list[str], groups: list[str]) -> float:
    """Accuracy of logistic regression on standardised vectors, in five folds by query."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return round(float(cross_val_score(model, vectors, classes, groups=groups, cv=GroupKFold(5)).mean()), 4)


if __name__ == "__main__":
    main(*sys.argv[1:])
