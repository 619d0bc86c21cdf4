#!/usr/bin/env bash
# Expected: a model that gives every item the same score gets a middling NDCG, and a query without a relevant item 0
#   or no say.
# What happens: LightGBM leaves tied items in the order of the file: 1.0 where the best item stands first, 0.48 where
#   it stands last (scikit-learn, which averages over ties, says 0.74 to both). A query without a relevant item counts
#   as 1.0, where scikit-learn says 0.0.
# Why it matters: files are often sorted by label, so an untrained ranker looks perfect; and every empty query lifts
#   the mean.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet lightgbm==4.7.0 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import lightgbm
import numpy as np
from sklearn.metrics import ndcg_score

print("lightgbm", lightgbm.__version__)
SETTINGS = {"objective": "lambdarank", "metric": "ndcg", "ndcg_eval_at": [5], "verbosity": -1, "num_threads": 1}


def ndcg_of_constant_model(labels):
    """Return LightGBM's own NDCG at 5 of one query whose items have the same features."""
    data = lightgbm.Dataset(np.zeros((len(labels), 1)), label=labels, group=[len(labels)])
    history = {}
    watch = lightgbm.record_evaluation(history)
    lightgbm.train(SETTINGS, data, num_boost_round=1, valid_sets=[data], callbacks=[watch])
    return next(iter(history.values()))["ndcg@5"][0]


values = []
for name, labels in {"best first": [3, 2, 1, 0, 0], "best last": [0, 0, 1, 2, 3], "none": [0] * 5}.items():
    gains = [2**label - 1 for label in labels]
    values.append(ndcg_of_constant_model(labels))
    print(f"{name}: LightGBM {values[-1]:.3f}, scikit-learn {ndcg_score([gains], [[0.5] * 5]):.3f}")
if not (values[0] == values[2] == 1.0 and values[1] < 0.5):
    sys.exit("Changed: LightGBM treats ties or queries without a relevant item in another way now.")
PYTHON
