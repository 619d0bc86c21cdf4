#!/usr/bin/env bash
# Expected: with four streams, four callers' threads run a model at the same time, one thread of OpenVINO's each.
# What happens: INFERENCE_NUM_THREADS counts the threads of all streams together. With one thread, four streams are
#   silently made one, and the callers wait for each other, though each has an InferRequest of its own.
# Why it matters: a server that asks for one thread a request, as with other runtimes, uses one core of a machine.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import openvino
from openvino import opset13

print("openvino", openvino.__version__)
parameter = opset13.parameter([1, 8], np.float32)
model = openvino.Model([opset13.relu(parameter)], [parameter])


def count_streams(threads):
    """Ask for four streams with a number of threads, and return how many there are."""
    properties = {"NUM_STREAMS": 4, "INFERENCE_NUM_THREADS": threads}
    return int(openvino.Core().compile_model(model, "CPU", properties).get_property("NUM_STREAMS"))


one_thread = count_streams(1)
print("four streams asked for: with one thread", one_thread)
if one_thread != 1:
    sys.exit("Changed: streams are no longer cut to the number of threads.")
PYTHON
