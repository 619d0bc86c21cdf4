"""The teacher's rationales nearest to a pair's reasoning vector: explanations that need no generation.

N pairs, R rationales, E embedding width.
"""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq


class NearestRationale:
    """A package's rationales, searched by cosine.

    Packages of an earlier release hold wrong rationales too: those whose label is not the judged one are left out.
    """

    def __init__(self, package: str | Path):
        table = pq.read_table(Path(package) / "rationales.parquet")
        table = table.filter(pc.equal(table["label"], table["predicted_label"]))
        self.rows = table.drop_columns(["embedding", "model_digest"]).to_pylist()
        numbers = table["embedding"].combine_chunks().flatten().to_numpy()
        self.vectors = normalise(numbers.reshape(len(self.rows), -1)) if self.rows else numbers  # (R, E)

    def __call__(self, reasoning: np.ndarray, k: int = 3) -> list[list[dict]]:
        """Return the k nearest rationales of each vector (N, E) with their similarity, nearest first."""
        if not self.rows:
            return [[] for _ in reasoning]
        similarities = normalise(reasoning) @ self.vectors.T  # (N, R)
        return [self.nearest(row, k) for row in similarities]

    def nearest(self, similarities: np.ndarray, k: int) -> list[dict]:
        """Return the k most similar rationales, given all similarities (R,) of one pair."""
        indices = np.argsort(-similarities)[:k]
        return [self.rows[index] | {"similarity": float(similarities[index])} for index in indices]


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors to length one, and leave zero vectors as they are."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
