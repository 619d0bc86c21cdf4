"""Embed rationales with a frozen text embedder (paper: BGE-M3): the targets of the student's latent reasoning."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from components import contracts
from components.pretrained import model_path
from components.step_result import Progress

BATCH = 64


def embed(rationales: str | Path, embedder: str, out: str | Path) -> dict:
    """Write one RATIONALE_EMBEDDINGS row a rationale, in order; embeddings are of unit length.

    The label line is left out of the text that is embedded: the target is the reasoning, not the answer.
    """
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(model_path(embedder))
    progress = Progress(contracts.count(rationales), "embeddings")

    def vectors(texts: list[str]) -> list[list[float]]:
        progress.advance(len(texts))
        return model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False).tolist()

    rows = contracts.read_batches(contracts.RATIONALES, rationales)
    written = contracts.write_batches(embedded(rows, vectors), contracts.RATIONALE_EMBEDDINGS, out)
    width = model.get_embedding_dimension()
    return {
        "rows_in": contracts.count(rationales),
        "rows_out": written,
        "set_aside": 0,
        "width": width,
        "figure": f"{written} x {width}",
    }


def embedded(rows: Iterable[dict], vectors) -> Iterator[dict]:
    """Pair every rationale with its vector, a batch at a time."""
    rows = iter(rows)
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    while batch := list(islice(rows, BATCH)):
        for row, vector in zip(batch, vectors([row["text"] for row in batch]), strict=True):
            yield {name: row[name] for name in names} | {"embedding": vector}
