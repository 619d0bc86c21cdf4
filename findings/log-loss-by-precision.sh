#!/usr/bin/env bash
# Expected: log loss of the same predictions is the same, whether they were stored with 64, 32 or 16 bits.
# What happens: probabilities are clipped at the machine epsilon of their type: one confident mistake costs 36 as
#   float64, 16 as float32 and 7 as float16.
# Why it matters: a model compared on stored half precision outputs beats the same model in double precision, by its
#   worst mistakes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import sklearn
from sklearn.metrics import log_loss

print("scikit-learn", sklearn.__version__)
predictions = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]
losses = [log_loss([0, 0, 1, 1], np.array(predictions, dtype)) for dtype in ("float64", "float32", "float16")]
print("log loss with 64, 32, 16 bits:", [round(float(loss), 2) for loss in losses])
if not losses[0] > 2 * losses[1] > 4 * losses[2]:
    sys.exit("Changed: log loss no longer depends on the predictions' type so much.")
PYTHON
