#!/usr/bin/env bash
# Expected: a V2 request whose JSON values do not fit their datatype is refused, as one with FP16 values in JSON is.
# What happens: InferInput.as_numpy() casts without a word: 1.9 in INT32 becomes 1, and "false" in BOOL becomes True.
# Why it matters: a price in an integer tensor loses its cents, and a flag that a client sent as text is always true.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kserve==0.21.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys
from importlib.metadata import version

from kserve import InferRequest

print("kserve", version("kserve"))
tensors = {"INT32": [1.9, -2.7], "BOOL": ["false", "0"]}
found = {}
for datatype, values in tensors.items():
    tensor = {"name": "x", "shape": [2], "datatype": datatype, "data": values}
    request = InferRequest.from_bytes(json.dumps({"inputs": [tensor]}).encode(), None, "model")
    found[datatype] = request.inputs[0].as_numpy().tolist()
    print(f"{datatype}: {values} -> {found[datatype]}")
if found != {"INT32": [1, -2], "BOOL": [True, True]}:
    sys.exit("Changed: values that do not fit their datatype are read otherwise now.")
PYTHON
