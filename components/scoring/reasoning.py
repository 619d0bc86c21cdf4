"""The reasoning vector, from what a package's graph gives: the extractor's last layer, run only for explanations."""

from pathlib import Path

import numpy as np
from safetensors import safe_open

FILE = "projection.safetensors"
FILE_OF_FORMAT_6 = "model.safetensors"  # with all other weights
WEIGHT = "extractor.out.weight"
BIAS = "extractor.out.bias"


class ReasoningProjection:
    """Projects the extractor's inner vectors (N, X) to reasoning (N, E).

    The label does not need it, for the graph has this layer multiplied into its head.
    """

    def __init__(self, package: Path):
        path = package / FILE
        weights = safe_open(path if path.exists() else package / FILE_OF_FORMAT_6, "numpy")
        self.weight = weights.get_tensor(WEIGHT)  # (E, X)
        self.bias = weights.get_tensor(BIAS)  # (E,)

    def __call__(self, inner: np.ndarray) -> np.ndarray:
        return inner @ self.weight.T + self.bias
