"""Which graph a package serves, in which runtime: the fastest of those that keep the labels."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from components.packaging.quantise import Graphs
from components.scoring import openvino_runtime
from components.scoring.package_config import ONNX_RUNTIME
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text

ROUNDS = 4  # the first one warms up
ITEMS = 50  # of a request, none of them read before
MAX_SHARE = 0.9  # of ONNX Runtime's time: less is gained than a second runtime costs


@dataclass(frozen=True)
class ServingOption:
    """A graph that gives the label, in the runtime of its encoder."""

    graph: str
    runtime: str = ONNX_RUNTIME
    precision: str = "f32"

    @property
    def name(self) -> str:
        """Return the name under which its measurements stand in the metrics."""
        kind = "static int8" if ".static." in self.graph else "int8" if ".int8." in self.graph else "fp32"
        return f"{self.runtime} {kind} {self.precision}"


def openvino_options(graphs: Graphs) -> list[ServingOption]:
    """Return what OpenVINO could serve here.

    That is nothing where it is not installed, or where the student reads pairs whole.
    """
    if graphs.fp32 == "model.onnx" or not openvino_runtime.is_installed():
        return []
    precision = "bf16" if openvino_runtime.supports("bf16") else "f32"
    return [ServingOption(graph, "openvino", precision) for graph in (graphs.fp32, graphs.static) if graph]


def request_cpu_ms(scorers: dict[str, Scorer], rows: Sequence[dict]) -> dict[str, float]:
    """Return the median CPU milliseconds of each scorer for 50 new items.

    Rounds are interleaved, and the first one is left out.
    """
    texts = cycle([item_text(row) for row in rows])
    times: dict[str, list[float]] = {name: [] for name in scorers}
    for row in islice(cycle(rows), ROUNDS):
        request = [(row["query"], text) for text in islice(texts, ITEMS)]
        for name, scorer in scorers.items():
            scorer.items.clear()
            start = time.process_time()
            scorer(request)
            times[name].append(1000 * (time.process_time() - start))
    return {name: float(np.median(values[1:])) for name, values in times.items()}
