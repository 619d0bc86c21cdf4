#!/usr/bin/env bash
# Expected: an index with dtype i8 gives a coarser inner product or Euclidean distance than one with f32.
# What happens: each vector is scaled to its own length before it is rounded, so lengths are gone: (1, 0) and (10, 0)
#   get the same inner product, and their squared distance is 0. Every metric of an i8 index ranks by the angle,
#   without a warning.
# Why it matters: embeddings whose length says something (popularity in a recommender, unnormalised models) lose it
#   when the index is made smaller.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet usearch==2.26.6 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from usearch.index import Index

print("usearch", version("usearch"))
vectors = np.array([[1, 0, 0, 0], [10, 0, 0, 0]], dtype=np.float32)
distances = {}
for metric in ("ip", "l2sq"):
    for dtype in ("f32", "i8"):
        index = Index(ndim=4, metric=metric, dtype=dtype)
        index.add(np.array([1, 2]), vectors)
        hits = index.search(vectors[0], 2)
        found = dict(zip(hits.keys.tolist(), hits.distances.tolist(), strict=True))
        distances[metric, dtype] = [found[1], found[2]]
        print(metric, dtype, "distance to the short and to the long vector:", distances[metric, dtype])
short, long = distances["ip", "i8"]
if short != long or distances["l2sq", "i8"] != [0, 0] or distances["l2sq", "f32"] != [0, 81]:
    sys.exit("Changed: an i8 index keeps the lengths of vectors now.")
PYTHON
