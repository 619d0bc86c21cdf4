"""Two packages side by side: their time on the same requests, and the golden pairs that each gets right."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from components import contracts
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text
from components.step_result import StepResult

ROUNDS = 15
ITEMS = 50  # of a request
VALID_PAIRS = 1000
GOLDEN_PAIRS = Path(__file__).parent / "golden_pairs.jsonl"


@dataclass(frozen=True)
class GoldenResult:
    """One package's answers on the golden pairs, in their order."""

    is_right: list[bool]
    exact_probabilities: list[float]

    @property
    def right(self) -> int:
        """Return how many pairs get their label."""
        return sum(self.is_right)


def compare_packages(candidate: str | Path, baseline: str | Path, training_set: str | Path) -> StepResult:
    """Measure the CPU time of requests in interleaved rounds, and check the golden pairs.

    Raises:
        ValueError: there is no valid pair to time; check the judgements' splits.
    """
    scorers = {"candidate": Scorer(candidate), "baseline": Scorer(baseline)}
    times = time_requests(scorers, training_set)
    ratio = float(np.median(times["candidate"] / times["baseline"]))
    pairs = golden_pairs()
    golden = {name: score_golden_pairs(scorer, pairs) for name, scorer in scorers.items()}
    details = {
        **{f"cpu_ms_{name}": float(np.median(took)) for name, took in times.items()},
        "latency_ratio": ratio,
        **{f"checked_right_{name}": result.right for name, result in golden.items()},
        "checked_pairs": len(pairs),
        "checked_answers": exact_answers(pairs, golden["candidate"]),
        "checked_lost": golden_regressions(pairs, golden["candidate"], golden["baseline"]),
    }
    return StepResult(len(pairs), len(pairs), headline=f"{ratio:.2f} of the baseline's time", details=details)


def time_requests(scorers: dict[str, Scorer], training_set: str | Path) -> dict[str, np.ndarray]:
    """Measure each scorer's CPU milliseconds for each request, without the first, which warms them up."""
    times: dict[str, list[float]] = {name: [] for name in scorers}
    for request in islice(generate_requests(training_set), ROUNDS):
        for name, scorer in scorers.items():
            start = time.process_time()
            scorer(request)
            times[name].append(1000 * (time.process_time() - start))
    return {name: np.array(took[1:]) for name, took in times.items()}


def generate_requests(training_set: str | Path) -> Iterator[list[tuple[str, str]]]:
    """Yield requests without end: one query, and valid items of any query."""
    rows = contracts.read_batches(contracts.TRAINING_SET, training_set)
    rows = list(islice((row for row in rows if row["split"] == "valid"), VALID_PAIRS))
    if not rows:
        raise ValueError(f"{training_set} holds no pair in the split 'valid': nothing to time packages on")
    texts = cycle([item_text(row) for row in rows])
    for row in cycle(rows):
        yield [(row["query"], text) for text in islice(texts, ITEMS)]


def golden_pairs() -> list[dict]:
    """Read the pairs whose labels were checked by hand."""
    return [json.loads(line) for line in GOLDEN_PAIRS.read_text().splitlines()]


def score_golden_pairs(scorer: Scorer, pairs: list[dict]) -> GoldenResult:
    """Score each golden pair in a request of its own, as the dark launch does.

    In int8 the rest of a request would count: activations share a scale.
    """
    exact = contracts.LABELS.index("Exact")
    is_right = []
    exact_probabilities = []
    for pair in pairs:
        scores = scorer([(pair["query"], item_text(pair))])
        is_right.append(scores.labels[0] == pair["label"])
        exact_probabilities.append(float(scores.probabilities[0, exact]))
    return GoldenResult(is_right, exact_probabilities)


def exact_answers(pairs: list[dict], golden: GoldenResult) -> list[dict]:
    """List the candidate's probability of Exact for each pair.

    The dark launch is compared with these answers.
    """
    rows = zip(pairs, golden.exact_probabilities, strict=True)
    return [{"query": pair["query"], "title": pair["title"], "exact": exact} for pair, exact in rows]


def golden_regressions(pairs: list[dict], candidate: GoldenResult, baseline: GoldenResult) -> list[str]:
    """List the golden pairs that the baseline gets right and the candidate does not."""
    rows = zip(pairs, candidate.is_right, baseline.is_right, strict=True)
    lost_pairs = [pair for pair, is_right, was_right in rows if was_right and not is_right]
    return [f"{pair['query']} / {pair['title']}: {pair['label']}" for pair in lost_pairs]
