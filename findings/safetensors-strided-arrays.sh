#!/usr/bin/env bash
# Expected: saving a transposed NumPy array either keeps its values or is refused, as safetensors.torch refuses it.
# What happens: safetensors.numpy writes the memory as it lies under the new shape: the loaded matrix has the right shape
#   and dtype and the wrong values, with no error and no warning. Its docstring asks for contiguous arrays, nothing checks it.
# Why it matters: weights and embeddings turned with .T (or in Fortran order, as BLAS and pandas give them) are scrambled.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

print("safetensors", safetensors.__version__, "numpy", np.__version__)
weights = np.arange(6, dtype=np.float32).reshape(2, 3)
transposed = load(save({"weights": weights.T}))["weights"]
copied = load(save({"weights": np.ascontiguousarray(weights.T)}))["weights"]
print("given", weights.T.tolist())
print("loaded", transposed.tolist())
print("loaded, copied before", copied.tolist())
if np.array_equal(transposed, weights.T) or not np.array_equal(copied, weights.T):
    sys.exit("Changed: a transposed array is saved as it is now.")
PYTHON
