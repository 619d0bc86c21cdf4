"""Train one student of an arm, and score it once on the test pairs.

`python -m bench.rationales.worker TRAINING_SET EMBEDDINGS CONFIG OUT [UNJUDGED LABELS]` writes OUT, as JSON.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ablation.worker import predict_rows, valid_rows, write_answers
from components.student.config import LrkdConfig
from components.student.dataset import LABEL_INDEX
from components.student.train import train


def main(training_set: str, embeddings: str, config: str, out: str, *unjudged: str) -> None:
    """Train, predict and write."""
    start = time.process_time()
    config = LrkdConfig.from_json(config)
    rows = valid_rows(training_set)
    with TemporaryDirectory() as folder:
        result = train(training_set, embeddings, config, folder, unjudged or ("", ""))
        logits = predict_rows(Path(folder), config, rows)
    answers = {
        "queries": [row["query_id"] for row in rows],
        "items": [row["item_id"] for row in rows],
        "labels": [LABEL_INDEX[row["label"]] for row in rows],
        "predicted": logits.argmax(-1).tolist(),
        "aligned": result.details["aligned"],
        "unjudged": result.details["unjudged"],
        "labelled": result.details["labelled"],
        "history": result.details["history"][-1:],
        "cpu_seconds": round(time.process_time() - start),
    }
    write_answers(answers, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
