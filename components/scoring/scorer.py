"""Score pairs with a package: ONNX Runtime and a tokenizer, nothing else. `python -m components.scoring.scorer --help`.

No pair's score depends on the others of its batch in fp32: they only share its padding.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow.parquet as pq
from cachetools import LRUCache

from components import package_manifest
from components.contracts import GAINS
from components.scoring.item_cache import Catalogue
from components.scoring.onnx_runtime import CrossEncoder, Item, LateJoin
from components.scoring.pairs_file import read_pairs, write_scored
from components.scoring.reasoning import LastLayer
from components.scoring.tokenizer import PairTokenizer, item_text

__all__ = ["NearestRationale", "Scorer", "Scores", "item_text", "score_file"]

MEMORY_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Scores:
    """What the student says of N pairs."""

    label_names: tuple[str, ...]
    probabilities: np.ndarray  # (N, C), calibrated
    hidden: np.ndarray  # (N, X), of the extractor
    last: LastLayer | None = None  # of the extractor; None: `hidden` is the reasoning

    @property
    def reasoning(self) -> np.ndarray:
        """The reasoning vector of each pair: (N, E)."""
        return self.last(self.hidden) if self.last else self.hidden

    @property
    def labels(self) -> list[str]:
        """The likeliest label of each pair."""
        return [self.label_names[index] for index in self.probabilities.argmax(-1)]

    @property
    def scores(self) -> np.ndarray:
        """Expected gain of each pair, for ranking: (N,), 0 to 1."""
        return self.probabilities @ np.array([GAINS[name] for name in self.label_names], dtype=np.float32)


class Scorer:
    """A verified package, loaded; it remembers items' tokens and states, for their texts do not depend on the query.

    Raises:
        ValueError: the package is incomplete, was changed, or is of a format that is not read here.
    """

    def __init__(self, package: str | Path, threads: int = 1, memory_bytes: int = MEMORY_BYTES):
        package = Path(package)
        package_manifest.verify(package)
        self.version = package_manifest.version(package)
        config = config_of(package)
        self.labels = tuple(config["labels"])
        self.temperature, self.served = config["temperature"], config["served"]
        self.tokenizer = tokenizer_of(package, config)
        self.model, self.read_ahead = runtime_of(package, config, self.tokenizer, threads), Catalogue(package)
        self.last = LastLayer(package)
        self.items, self.guard = LRUCache(memory_bytes, getsizeof=lambda item: item.bytes), Lock()

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Score (query, item text) pairs, in their order."""
        return self.run(self.tokenise(pairs))

    def tokenise(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[list[int]], dict[str, Item], list[str]]:
        """Queries as tokens, items by their text, and each pair's text: what `run` takes."""
        asked = list(dict.fromkeys(query for query, _ in pairs))
        queries = dict(zip(asked, self.tokenizer.queries(asked), strict=True))
        texts = [text for _, text in pairs]
        with self.guard:
            items = {text: self.items[text] for text in texts if text in self.items}
        fresh = [text for text in dict.fromkeys(texts) if text not in items]
        items |= zip(fresh, map(self.read_ahead, self.tokenizer.items(fresh)), strict=True)
        return [queries[query] for query, _ in pairs], items, texts

    def run(self, tokenised: tuple[list[list[int]], dict[str, Item], list[str]]) -> Scores:
        """Score tokenised pairs, in their order, and remember their items."""
        queries, items, texts = tokenised
        logits, hidden = self.model(queries, [items[text] for text in texts])
        with self.guard:
            for text, item in items.items():
                if item.bytes <= self.items.maxsize:
                    self.items[text] = item
        return Scores(self.labels, softmax(logits / self.temperature), hidden, self.last)


def tokenizer_of(package: Path, config: dict) -> PairTokenizer:
    """A package's tokenizer, with its budgets."""
    return PairTokenizer(package / "tokenizer.json", config["max_length"], config["query_length"])


def runtime_of(package: Path, config: dict, tokenizer: PairTokenizer, threads: int = 1) -> CrossEncoder | LateJoin:
    """What runs a package's graphs."""
    if not config["join_layer"]:
        return CrossEncoder(package / config["served"], tokenizer, threads)
    return LateJoin(package / config["served"], tokenizer, threads, config.get("pooled", False))


def config_of(package: Path) -> dict:
    """What a package says of how it is to be run.

    Raises:
        ValueError: it is of another format, or says too little.
    """
    config = json.loads((package / "config.json").read_text())
    if (found := config.get("format")) not in package_manifest.READ:
        read = ", ".join(map(str, package_manifest.READ))
        raise ValueError(f"{package} is a package of format {found}; this release reads {read}")
    if missing := {"labels", "temperature", "max_length", "query_length", "join_layer", "served"} - config.keys():
        raise ValueError(f"{package / 'config.json'} does not say {', '.join(sorted(missing))}")
    return config


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, float32."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


class NearestRationale:
    """The teacher's rationales nearest to latent reasoning vectors, by cosine: explanations that need no generation."""

    def __init__(self, package: str | Path):
        table = pq.read_table(Path(package) / "rationales.parquet")
        self.rows = table.drop_columns(["embedding", "model_digest"]).to_pylist()
        numbers = table["embedding"].combine_chunks().flatten().to_numpy()
        self.vectors = unit(numbers.reshape(len(self.rows), -1)) if self.rows else numbers  # (R, E)

    def __call__(self, reasoning: np.ndarray, k: int = 3) -> list[list[dict]]:
        """For each of N vectors (N, E) its k nearest rationales with their similarity, nearest first."""
        if not self.rows:
            return [[] for _ in reasoning]
        similarity = unit(reasoning) @ self.vectors.T  # (N, R)
        nearest = np.argsort(-similarity, axis=1)[:, :k]
        return [
            [self.rows[index] | {"similarity": float(similarity[row, index])} for index in indices]
            for row, indices in enumerate(nearest)
        ]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors at length one; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def score_file(package: str | Path, pairs: str | Path, out: str | Path) -> int:
    """Score every row of a Parquet, CSV or JSONL file of pairs into a file of any of these kinds.

    Every row comes back with its label, probabilities and score; the file appears whole or not at all. Returns the
    number of rows.

    Raises:
        ValueError: a file of another kind, or a row without query or title.
    """
    scorer = Scorer(package)

    def scored(rows: list[dict]) -> list[dict]:
        scores = scorer([(row["query"], item_text(row)) for row in rows])
        answers = zip(rows, scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
        return [
            row | {"predicted_label": label, "probabilities": probabilities, "score": score}
            for row, label, probabilities, score in answers
        ]

    return write_scored(map(scored, read_pairs(Path(pairs))), Path(out))


def main(arguments: list[str]) -> int:
    """Score a file from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.scoring.scorer",
        description="Score a file of query-item pairs in streaming batches; the output's ending says its kind.",
    )
    parser.add_argument("package", help="folder of a package")
    parser.add_argument("pairs", help="Parquet, CSV or JSONL: query, title; brand, category, attributes if known")
    parser.add_argument("out", help="Parquet, CSV or JSONL: each row with predicted_label, probabilities and score")
    said = parser.parse_args(arguments)
    try:
        count = score_file(said.package, said.pairs, said.out)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} pairs scored")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
