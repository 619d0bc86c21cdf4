"""A package's encoder in OpenVINO, where it is installed: faster than ONNX Runtime on processors with bf16 or VNNI.

Every new shape is compiled and never given back, so that texts are packed into a few shapes (OpenVINO 2026.4).
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import local

import numpy as np

from components.scoring.packing import Batch, packed_rows

MAX_STREAMS = 4  # of some 30 MB each: a pod sees all cores of its node, whatever its limit is
PRECISIONS = {"bf16": "BF16", "f32": "FP32"}  # and the processor's capability that each one needs


def is_installed() -> bool:
    """Return True where OpenVINO can be imported."""
    return find_spec("openvino") is not None


def supports(precision: str) -> bool:
    """Return True where this processor computes in a precision, f32 or bf16."""
    from openvino import Core

    return PRECISIONS[precision] in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoGraph:
    """An ONNX graph in OpenVINO, which up to four threads call at a time.

    `precision` is always given: OpenVINO's own choice is bf16 with quantised activations where the processor can.
    """

    def __init__(self, path: Path, precision: str):
        from openvino import Core

        # with one stream, or one thread in all, callers would wait in a queue
        streams = min(MAX_STREAMS, len(os.sched_getaffinity(0)))
        core = Core()
        properties = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "ENABLE_CPU_PINNING": False,
        }
        model = core.read_model(path)  # compiling by path would read another version's weights from a cache
        self.model = core.compile_model(model, "CPU", properties)
        self.input_names = [port.any_name for port in self.model.inputs]
        self.output_names = [port.any_name for port in self.model.outputs]
        self.of_thread = local()

    def batches(self, lengths: Sequence[int]) -> list[Batch]:
        """Plan the batches of texts: several a row, in few shapes."""
        return packed_rows(lengths)

    def __call__(self, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run the graph on the arrays that it reads, with outputs as `output_names` orders them."""
        if not hasattr(self.of_thread, "request"):
            self.of_thread.request = self.model.create_infer_request()  # which one thread at a time may use
        outputs = self.of_thread.request.infer({name: arrays[name] for name in self.input_names}, share_inputs=True)
        return [outputs[port] for port in self.model.outputs]
