"""A package's graph in ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from components.scoring.packing import Batch, one_text_a_row

SLOW = ["SkipLayerNormFusion"]  # its kernel takes four times as long as the two it replaces, an eighth of int8 time


class Graph:
    """An ONNX graph on a number of threads, which do not spin while they wait."""

    def __init__(self, path: Path, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"], disabled_optimizers=SLOW)
        self.input_names = [node.name for node in self.session.get_inputs()]
        self.output_names = [node.name for node in self.session.get_outputs()]

    def batches(self, lengths: Sequence[int]) -> list[Batch]:
        """Plan the batches of texts: one a row, alike in length."""
        return one_text_a_row(lengths)

    def __call__(self, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run the graph on the arrays that it reads, with outputs as `output_names` orders them."""
        return self.session.run(self.output_names, {name: arrays[name] for name in self.input_names})
