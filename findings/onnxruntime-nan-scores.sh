#!/usr/bin/env bash
# Expected: ArgMax and TopK with k=1 choose the same item, and the mean of no tokens is NaN, as in NumPy and PyTorch.
# What happens: TopK puts NaN first, ArgMax and ReduceMax pass over it unless it is the first element; ReduceMean over
#   an empty axis is 0.
# Why it matters: an item whose score is NaN leads the page of one graph and is unseen in another that means the same;
#   an empty text gets an embedding of zeros instead of a visible error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

print("onnxruntime", onnxruntime.__version__)


def run_node(operator, values, output_type, axes=None, **attributes):
    """Run one operator on one row of numbers, and return its last output."""
    names = ["x"] if axes is None else ["x", "axes"]
    outputs = ["values", "y"] if operator == "TopK" else ["y"]
    types = [TensorProto.FLOAT] * (len(outputs) - 1) + [output_type]
    graph = helper.make_graph(
        [helper.make_node(operator, names, outputs, **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, None])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(outputs, types, strict=True)],
        [] if axes is None else [numpy_helper.from_array(np.array([axes], np.int64), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.array([values], np.float32)})[-1].ravel().tolist()


row = [0.1, 0.9, float("nan"), 0.3]
best = run_node("TopK", row, TensorProto.INT64, axes=1)
argmax = run_node("ArgMax", row, TensorProto.INT64, axis=1)
first = run_node("ArgMax", [float("nan"), 0.9, 0.1, 0.3], TensorProto.INT64, axis=1)
largest = run_node("ReduceMax", row, TensorProto.FLOAT, axes=1)
empty = run_node("ReduceMean", [], TensorProto.FLOAT, axes=1)
print("best by TopK", best, "by ArgMax", argmax, "by ArgMax with NaN first", first)
print("ReduceMax", largest, "NumPy's max", np.max(row), "mean of nothing", empty)
if (best, argmax, first, empty) != ([2], [1], [0], [0.0]):
    sys.exit("Changed: ONNX Runtime treats NaN or empty axes in another way now.")
PYTHON
