"""A student's answer for some pairs: N pairs, C labels, E width of a reasoning vector, X of a hidden vector."""

from dataclasses import dataclass

import numpy as np

from components.contracts import GAINS
from components.scoring.reasoning import ReasoningProjection


@dataclass(frozen=True)
class Scores:
    """The student's answer for N pairs."""

    label_names: tuple[str, ...]
    probabilities: np.ndarray  # (N, C), calibrated
    hidden_vectors: np.ndarray  # (N, X), of the extractor
    projection: ReasoningProjection | None = None  # to reasoning; None where the vectors are the reasoning

    @property
    def reasoning(self) -> np.ndarray:
        """Return the reasoning vector of each pair: (N, E)."""
        return self.projection(self.hidden_vectors) if self.projection else self.hidden_vectors

    @property
    def labels(self) -> list[str]:
        """Return the likeliest label of each pair."""
        return [self.label_names[index] for index in self.probabilities.argmax(-1)]

    @property
    def scores(self) -> np.ndarray:
        """Return the expected gain of each pair, for ranking: (N,), 0 to 1."""
        return self.probabilities @ np.array([GAINS[name] for name in self.label_names], dtype=np.float32)
