"""Train one student on a fold of ESCI, and answer for its held-out pairs.

`python -m bench.rationales.esci_worker TRAINING_SET CONFIG OUT [UNJUDGED [TEACHER_LABELS]]` writes OUT, as JSON. The
student learns from UNJUDGED with labels, and without them answers for its pairs, too.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.special import softmax

from bench.ablation.worker import predict_rows, valid_rows, write_answers
from components import contracts
from components.student.config import LrkdConfig
from components.student.dataset import LABEL_INDEX
from components.student.train import train


def main(training_set: str, config: str, out: str, unjudged: str = "", teacher_labels: str = "") -> None:
    """Train, predict and write."""
    start = time.process_time()
    config = LrkdConfig.from_json(config)
    rows = valid_rows(training_set)
    pool = contracts.read(contracts.UNJUDGED, unjudged) if unjudged and not teacher_labels else []
    with TemporaryDirectory() as folder:
        embeddings = Path(folder, "none")
        contracts.write([], contracts.RATIONALE_EMBEDDINGS, embeddings)
        tables = (unjudged, teacher_labels) if teacher_labels else ("", "")
        details = train(training_set, embeddings, config, folder, tables).details
        temperature = details["temperature"]
        probabilities, pool_probabilities = (
            softmax(predict_rows(Path(folder), config, part).numpy() / temperature, axis=-1)
            if part
            else np.zeros((0, 0))
            for part in (rows, pool)
        )
    answers = {
        "queries": [row["query_id"] for row in rows],
        "labels": [LABEL_INDEX[row["label"]] for row in rows],
        "predicted": probabilities.argmax(-1).tolist(),
        "probabilities": np.round(probabilities, 4).tolist(),
        "unjudged_probabilities": np.round(pool_probabilities, 4).tolist(),
        "labelled": details["labelled"],
        "cpu_seconds": round(time.process_time() - start),
    }
    write_answers(answers, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
