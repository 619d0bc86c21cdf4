"""Score pairs with a package: ONNX Runtime and a tokenizer, nothing else. `python -m components.student.score --help`.

No pair's score depends on the others of its batch in fp32: they only share its padding.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
from tokenizers import Encoding, Tokenizer

from components import package_manifest

GAINS = {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}  # ESCI's own, for NDCG
BUCKETS = 4
FIELDS = ("title", "brand", "category", "attributes")


@dataclass(frozen=True)
class Scores:
    """What the student says of N pairs."""

    label_names: tuple[str, ...]
    probabilities: np.ndarray  # (N, C), calibrated
    reasoning: np.ndarray  # (N, E)

    @property
    def labels(self) -> list[str]:
        """The likeliest label of each pair."""
        return [self.label_names[index] for index in self.probabilities.argmax(-1)]

    @property
    def scores(self) -> np.ndarray:
        """Expected gain of each pair, for ranking: (N,), 0 to 1."""
        return self.probabilities @ np.array([GAINS[name] for name in self.label_names], dtype=np.float32)


def item_text(row: Mapping) -> str:
    """An item as the student reads it: title first, then brand, category and attributes as far as they are known."""
    return " ; ".join(str(row[name]) for name in FIELDS if row.get(name))


class Scorer:
    """A verified package, loaded.

    Raises:
        ValueError: the package is incomplete, was changed, or is of a format that is not read here.
    """

    def __init__(self, package: str | Path, threads: int = 1):
        package = Path(package)
        package_manifest.verify(package)
        self.version = package_manifest.version(package)
        config = config_of(package)
        self.labels = tuple(config["labels"])
        self.temperature, self.served = config["temperature"], config["served"]
        self.tokenizer = Tokenizer.from_file(str(package / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(config["max_length"], strategy="longest_first")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(package / self.served, options, ["CPUExecutionProvider"])

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Score (query, item text) pairs, in their order."""
        return self.run(self.tokenise(pairs))

    def tokenise(self, pairs: Sequence[tuple[str, str]]) -> list[Encoding]:
        """Pairs as the model reads them, cut to its length."""
        return self.tokenizer.encode_batch(list(pairs))

    def run(self, encodings: Sequence[Encoding]) -> Scores:
        """Score tokenised pairs, in their order."""
        order = sorted(range(len(encodings)), key=lambda index: len(encodings[index].ids))
        logits, reasoning = [None] * len(encodings), [None] * len(encodings)
        for bucket in np.array_split(order, min(BUCKETS, max(1, len(order)))):  # alike in length: little padding
            outputs = self.session.run(["logits", "reasoning"], inputs([encodings[index] for index in bucket]))
            for row, index in enumerate(bucket):
                logits[index], reasoning[index] = outputs[0][row], outputs[1][row]
        return Scores(self.labels, softmax(np.array(logits) / self.temperature), np.array(reasoning))


def config_of(package: Path) -> dict:
    """What a package says of how it is to be run.

    Raises:
        ValueError: it is of another format, or says too little.
    """
    config = json.loads((package / "config.json").read_text())
    if (found := config.get("format")) != package_manifest.FORMAT:
        raise ValueError(f"{package} is a package of format {found}; this release reads {package_manifest.FORMAT}")
    if missing := {"labels", "temperature", "max_length", "served"} - config.keys():
        raise ValueError(f"{package / 'config.json'} does not say {', '.join(sorted(missing))}")
    return config


def inputs(encodings: Sequence) -> dict[str, np.ndarray]:
    """Token ids, mask and segments of a batch, padded to its longest: (B, T) each."""
    shape = (len(encodings), max(len(encoding.ids) for encoding in encodings))
    arrays = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for row, encoding in enumerate(encodings):
        arrays["input_ids"][row, : len(encoding.ids)] = encoding.ids
        arrays["attention_mask"][row, : len(encoding.ids)] = 1
        arrays["token_type_ids"][row, : len(encoding.ids)] = encoding.type_ids
    return arrays


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


def score_file(package: str | Path, pairs: str | Path, out: str | Path, batch_rows: int = 512) -> int:
    """Score every row of a Parquet, CSV or JSONL file of pairs into a JSONL file; returns the number of rows.

    Raises:
        ValueError: a file of another kind, or a row without query or title.
    """
    scorer, count = Scorer(package), 0
    with open(out, "w") as file:
        rows = enumerate(read_pairs(Path(pairs)), 1)
        while batch := list(islice(rows, batch_rows)):
            for number, row in batch:
                if not row.get("query") or not row.get("title"):
                    raise ValueError(f"{pairs}, row {number}: needs a query and a title, has {sorted(row)}")
            scores = scorer([(row["query"], item_text(row)) for _, row in batch])
            answers = zip(batch, scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
            for (_, row), label, probabilities, score in answers:
                said = {"predicted_label": label, "probabilities": probabilities, "score": score}
                file.write(json.dumps(row | said, default=str) + "\n")
            count += len(batch)
    return count


def read_pairs(path: Path) -> Iterator[dict]:
    """Rows of a Parquet, CSV or JSONL file, streamed."""
    import csv

    readers = {
        ".parquet": lambda: (row for batch in pq.ParquetFile(path).iter_batches(1024) for row in batch.to_pylist()),
        ".csv": lambda: csv.DictReader(lines(path)),
        ".jsonl": lambda: (json.loads(line) for line in lines(path)),
    }
    if path.suffix not in readers:
        raise ValueError(f"{path} is neither {', nor '.join(readers)}")
    return iter(readers[path.suffix]())


def lines(path: Path) -> Iterable[str]:
    """Lines of a text file, which is closed at its end."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        yield from file


def main(arguments: list[str]) -> int:
    """Score a file from the command line."""
    parser = argparse.ArgumentParser(prog="python -m components.student.score", description=score_file.__doc__)
    parser.add_argument("package", help="folder of a package")
    parser.add_argument("pairs", help="Parquet, CSV or JSONL with query, title and further item fields")
    parser.add_argument("out", help="JSONL to write: each row with predicted_label, probabilities and score")
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
