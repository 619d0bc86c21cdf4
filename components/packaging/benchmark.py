"""Two packages asked the same things in turn: how long each takes, and who gets the hand-checked pairs right."""

import json
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from components import contracts
from components.scoring.scorer import Scorer, Scores
from components.scoring.tokenizer import item_text

ROUNDS, ITEMS = 15, 50
CHECKED = Path(__file__).parent / "golden_pairs.jsonl"


def side_by_side(candidate: str | Path, baseline: str | Path, training_set: str | Path) -> dict:
    """CPU time of a request of 50 valid items, in interleaved rounds; and the hand-checked pairs that each gets right.

    Raises:
        ValueError: there is no valid pair to time.
    """
    scorers = {"candidate": Scorer(candidate), "baseline": Scorer(baseline)}
    asked, times = requests(training_set), {name: [] for name in scorers}
    for request in islice(asked, ROUNDS):
        for name, scorer in scorers.items():
            began = time.process_time()
            scorer(request)
            times[name].append(1000 * (time.process_time() - began))
    ratios = np.array(times["candidate"][1:]) / np.array(times["baseline"][1:])  # the first round warms both
    rows = [json.loads(line) for line in CHECKED.read_text().splitlines()]
    said = {name: [scorer([(row["query"], item_text(row))]) for row in rows] for name, scorer in scorers.items()}
    right = {name: rightly([scores.labels[0] for scores in alone], rows) for name, alone in said.items()}
    lost = [row for row, new, old in zip(rows, right["candidate"], right["baseline"], strict=True) if old and not new]
    return {
        "rows_in": len(rows),
        "rows_out": len(rows),
        "set_aside": 0,
        **{f"cpu_ms_{name}": float(np.median(took[1:])) for name, took in times.items()},
        "latency_ratio": float(np.median(ratios)),
        **{f"checked_right_{name}": sum(said) for name, said in right.items()},
        "checked_pairs": len(rows),
        "checked_answers": answers(rows, said["candidate"]),
        "checked_lost": [f"{row['query']} / {row['title']}: {row['label']}" for row in lost],
        "figure": f"{np.median(ratios):.2f} of the baseline's time",
    }


def requests(training_set: str | Path) -> Iterator[list[tuple[str, str]]]:
    """Requests without end, of 50 pairs each: one query, and valid items of any query."""
    rows = contracts.read_batches(contracts.TRAINING_SET, training_set)
    rows = list(islice((row for row in rows if row["split"] == "valid"), 1000))
    if not rows:
        raise ValueError(f"{training_set} holds no pair in the split 'valid': nothing to time packages on")
    texts = cycle([item_text(row) for row in rows])
    for row in cycle(rows):
        yield [(row["query"], text) for text in islice(texts, ITEMS)]


def rightly(labels: list[str], rows: list[dict]) -> list[bool]:
    """Whether each hand-checked pair gets its label."""
    return [label == row["label"] for label, row in zip(labels, rows, strict=True)]


def answers(rows: list[dict], alone: list[Scores]) -> list[dict]:
    """What the candidate says offline of each pair in a request of its own: the dark launch asks the same.

    In int8 the rest of a request would count: activations share a scale.
    """
    exact = [float(scores.probabilities[0, contracts.LABELS.index("Exact")]) for scores in alone]
    return [{"query": row["query"], "title": row["title"], "exact": one} for row, one in zip(rows, exact, strict=True)]
