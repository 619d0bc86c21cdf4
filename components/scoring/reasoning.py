"""From what a package's graph gives to the reasoning vector: the extractor's last layer, run for who asks for it."""

from pathlib import Path

import numpy as np
from safetensors import safe_open


class LastLayer:
    """Hidden vectors (N, X) to reasoning (N, E), by the weights that lie beside the graph.

    The label does not need it: the graph has this layer multiplied into its head.
    """

    def __init__(self, package: Path):
        weights = safe_open(package / "model.safetensors", "numpy")
        self.weight, self.bias = (weights.get_tensor(f"extractor.out.{name}") for name in ("weight", "bias"))

    def __call__(self, hidden: np.ndarray) -> np.ndarray:
        return hidden @ self.weight.T + self.bias
