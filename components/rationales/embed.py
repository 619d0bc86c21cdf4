"""Embeddings of rationales by a frozen text embedder (paper: BGE-M3): the targets of the student's latent reasoning."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from components import contracts
from components.absence import absent_result
from components.pretrained import model_path
from components.step_result import Progress, StepResult

BATCH = 64
TINY = 1e-12  # a vector that is the mean stays zero


def embed(rationales: str | Path, embedder: str, out: str | Path) -> StepResult:
    """Write one RATIONALE_EMBEDDINGS row a rationale, in order, with an embedding of unit length.

    The label line is left out of the embedded text: the target is the reasoning, not the answer. Without a rationale no
    embedder is loaded.
    """
    total = contracts.count(rationales)
    if not total:
        contracts.write([], contracts.RATIONALE_EMBEDDINGS, out)
        return absent_result("there is no rationale")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(model_path(embedder))
    progress = Progress(total, "embeddings")

    def encode(texts: list[str]) -> list[list[float]]:
        progress.advance(len(texts))
        return model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False).tolist()

    rows = contracts.read_batches(contracts.RATIONALES, rationales)
    count = contracts.write_batches(add_embeddings(rows, encode), contracts.RATIONALE_EMBEDDINGS, out)
    width = model.get_embedding_dimension()
    return StepResult(total, count, headline=f"{count} x {width}", details={"width": width})


def add_embeddings(rows: Iterable[dict], encode: Callable[[list[str]], list[list[float]]]) -> Iterator[dict]:
    """Yield every rationale with its embedding, encoded a batch at a time."""
    rows = iter(rows)
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    while batch := list(islice(rows, BATCH)):
        vectors = encode([row["text"] for row in batch])
        for row, vector in zip(batch, vectors, strict=True):
            yield {name: row[name] for name in names} | {"embedding": vector}


def centre(embeddings: str | Path, out: str | Path) -> int:
    """Write embeddings less their mean, of unit length again, and return their number.

    What all texts share, and so most of their length, is gone: what is left tells pairs apart. Memory is flat.
    """
    total = 0
    mean = 0.0
    for row in contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings):
        total += 1
        mean = mean + np.array(row["embedding"])
    mean = mean / max(total, 1)
    rows = contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings)
    return contracts.write_batches(map(partial(subtract, mean), rows), contracts.RATIONALE_EMBEDDINGS, out)


def subtract(mean: np.ndarray, row: dict) -> dict:
    """Return a row whose embedding has the mean taken off, and unit length."""
    vector = np.array(row["embedding"]) - mean
    return row | {"embedding": (vector / max(np.linalg.norm(vector), TINY)).tolist()}
