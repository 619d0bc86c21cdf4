"""Fit the ablation's reference: logistic regression on word overlap alone.

`python -m bench.ablation.word_overlap TRAINING_SET EMBEDDINGS CONFIG OUT` writes OUT as the worker does; no rationale
is read, and of the configuration the tokens' budget, the labels' weights, and `overlap`: without it four are read,
the shares of the tokens that both sides have and the sides' lengths, as is usual, and not the student's fourteen.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.scoring.tokenizer import LEXICAL_FEATURES, item_text
from components.student.config import LrkdConfig
from components.student.dataset import LABEL_INDEX
from components.student.overlap_head import regression
from components.student.train import student_tokenizer

USUAL = [
    LEXICAL_FEATURES.index(name)
    for name in (
        "share of the query's tokens that the item has",
        "share of the item's tokens that the query has",
        "length of the query, logarithm",
        "length of the item, logarithm",
    )
]


def main(training_set: str, _: str, config: str, out: str) -> None:
    """Fit on the train split, answer for the valid split, write."""
    config = LrkdConfig.from_json(config)
    rows = contracts.read(contracts.TRAINING_SET, training_set)
    with TemporaryDirectory() as folder:
        tokenizer = student_tokenizer(config, Path(folder))
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    numbers = tokenizer.lexical_features(queries, items)[:, slice(None) if config.overlap else USUAL]
    labels = [LABEL_INDEX[row["label"]] for row in rows]
    train, valid = ([n for n, row in enumerate(rows) if row["split"] == split] for split in ("train", "valid"))
    model = regression(numbers[train], [labels[n] for n in train], config.class_weights)
    result = {
        "queries": [rows[n]["query_id"] for n in valid],
        "labels": [labels[n] for n in valid],
        "predicted": model.predict(numbers[valid]).tolist(),
    }
    Path(out).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
