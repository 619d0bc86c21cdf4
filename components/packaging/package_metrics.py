"""The measurements of a package, as metrics.json holds them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class PackageMetrics:
    """Agreement of the graphs with PyTorch, and quality of the served one."""

    served_graph: str  # file name
    runtime: str  # of the encoder: onnxruntime or openvino
    precision: str  # in which that computes what is not quantised
    options: Mapping[str, Mapping]  # agreement, macro-F1 loss, and CPU time of 50 new items where that decided
    parity_pairs: int
    parity_max_difference: float  # of a probability, fp32
    parity_agreement: float  # share of labels, fp32
    int8_max_difference: float
    int8_agreement: float
    int8_macro_f1_loss: float
    explanation_agreement: float | None  # share of explanations with the predicted label; None without rationales
    accuracy: float
    macro_f1: float
    calibration_error: float
    slices: Mapping[str, Mapping]
    rationales: int = 0  # stored, whose label is the judged one
    precomputed_items: int | None = None  # None for a student that reads query and item together

    def to_dict(self) -> dict:
        """Return the measurements by name, as metrics.json holds them."""
        return asdict(self)
