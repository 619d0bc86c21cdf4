"""The reasoning vector, from what a package's graph gives: the extractor's last layer, run only for explanations."""

from pathlib import Path

import numpy as np
from safetensors import safe_open


class ReasoningProjection:
    """Projects the extractor's inner vectors (N, X) to reasoning (N, E).

    The label does not need it, for the graph has this layer multiplied into its head.
    """

    def __init__(self, package: Path):
        weights = safe_open(package / "model.safetensors", "numpy")
        self.weight = weights.get_tensor("extractor.out.weight")  # (E, X)
        self.bias = weights.get_tensor("extractor.out.bias")  # (E,)

    def __call__(self, inner: np.ndarray) -> np.ndarray:
        return inner @ self.weight.T + self.bias
