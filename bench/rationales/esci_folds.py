"""Folds of ESCI's train queries, and pairs of their products that nobody judged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.ablation.rows import STUDENTS
from bench.ablation.worker import valid_rows
from bench.rationales.stage import training_row
from bench.teacher.measure import release
from components import contracts
from components.contracts import LABELS
from components.pretrained import model_path
from components.sampling import hash_fraction
from components.scoring.tokenizer import item_text

FOLDS = 5
RETRIEVED = 6  # products a query; twenty would be four times what is judged
STUDENT = STUDENTS["esci"]


@dataclass(frozen=True)
class EsciFolds:
    """ESCI's judgements, and tables of each fold, kept below a folder."""

    folder: Path
    source: Path

    @cached_property
    def rows(self) -> list[dict]:
        """Return the judged pairs of all train queries."""
        rows = contracts.read(contracts.JUDGEMENTS, release(self.folder, self.source))
        return [row for row in rows if row["split"] == "train"]

    @cached_property
    def vectors(self) -> dict[str, np.ndarray]:
        """Return the unit vector of each query's and item's text."""
        texts = sorted({text for row in self.rows for text in (row["query"], item_text(row))})
        path = self.folder / "vectors.npy"
        if not path.exists():
            np.save(path, encode(texts))
        return dict(zip(texts, np.load(path), strict=True))

    def cosines(self, fold: int) -> np.ndarray:
        """Return the cosine (N,) of query and item of each held-out row."""
        rows = self.held_out_rows(fold)
        return np.array([self.vectors[row["query"]] @ self.vectors[item_text(row)] for row in rows])

    def training_set(self, fold: int) -> Path:
        """Write and return TRAINING_SET: the fold's queries are its valid split."""
        path = self.folder / f"training_set-{fold}.parquet"
        if not path.exists():
            rows = [
                training_row(row, "valid" if query_fold(row) == fold else "train", row["label"]) for row in self.rows
            ]
            contracts.write(rows, contracts.TRAINING_SET, path)
        return path

    def unjudged(self, fold: int) -> Path:
        """Write and return UNJUDGED: products of the same locale that lie nearest to the other folds' queries."""
        path = self.folder / f"unjudged-{fold}.parquet"
        if path.exists():
            return path
        rows = [row for row in self.rows if query_fold(row) != fold]
        pairs = []
        for locale in sorted({row["locale"] for row in rows}):
            pairs += nearest_unjudged([row for row in rows if row["locale"] == locale], self.vectors)
        contracts.write(pairs, contracts.UNJUDGED, path)
        return path

    def held_out_rows(self, fold: int) -> list[dict]:
        """Return a fold's rows, as a student answers them."""
        return valid_rows(str(self.training_set(fold)))

    def write_labels(self, fold: int, probabilities: np.ndarray) -> Path:
        """Write and return TEACHER_LABELS of the fold's unjudged pairs, by an ensemble's probabilities (N, C).

        A label's weight is its probability.
        """
        path = self.folder / f"labels-{fold}.parquet"
        rows = [
            {"query_id": row["query_id"], "item_id": row["item_id"], "label": LABELS[chances.argmax()]}
            | {"confidence": chances.max(), "weight": chances.max(), "answers": 1, "teacher": "ensemble"}
            for row, chances in zip(contracts.read(contracts.UNJUDGED, self.unjudged(fold)), probabilities, strict=True)
        ]
        contracts.write(rows, contracts.TEACHER_LABELS, path)
        return path


def query_fold(row: dict) -> int:
    """Return the fold of a row's query."""
    return int(FOLDS * hash_fraction(f"fold\n{row['query_id']}"))


def encode(texts: Sequence[str]) -> np.ndarray:
    """Return unit vectors (N, D) of texts by the student's encoder as it comes, of as many tokens as students read."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(model_path(STUDENT.encoder))
    model.max_seq_length = STUDENT.max_length
    return model.encode(list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False)


def nearest_unjudged(rows: list[dict], vectors: dict[str, np.ndarray]) -> list[dict]:
    """Return UNJUDGED rows: to each query of the judged rows the nearest items that were not judged for it."""
    judged = defaultdict(set)
    for row in rows:
        judged[row["query_id"]].add(row["item_id"])
    queries = list({row["query_id"]: row for row in rows}.values())
    items = list({row["item_id"]: row for row in rows}.values())
    near = np.stack([vectors[row["query"]] for row in queries]) @ np.stack([vectors[item_text(row)] for row in items]).T
    pairs = []
    for query, order in zip(queries, np.argsort(-near, axis=-1), strict=True):
        others = [items[n] for n in order if items[n]["item_id"] not in judged[query["query_id"]]]
        asked = {name: query[name] for name in ("query_id", "query", "locale")}
        pairs += [item | asked | {"source": "file", "shown": None} for item in others[:RETRIEVED]]
    return [{name: pair.get(name) for name in contracts.UNJUDGED.names} for pair in pairs]
