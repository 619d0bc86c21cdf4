#!/usr/bin/env bash
# Expected: where an index holds fewer vectors than are asked for, missing hits are left out or marked, as FAISS
#   writes -1.
# What happens: a search for one vector returns a short list, a search for several fills up with key 0, which is a
#   valid key: item 0 is a hit of every query. Only `counts` (and a distance that is not a number) tells.
# Why it matters: small shards and filtered catalogues return the first item of the catalogue for every query once
#   requests are batched.
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
vectors = np.eye(4, dtype=np.float32)[:2]
index = Index(ndim=4, metric="cos", dtype="f32")
index.add(np.array([41, 42]), vectors)
alone = index.search(vectors[0], 4)
together = index.search(vectors, 4)
print("one query: keys", alone.keys.tolist())
print("two queries: keys", together.keys.tolist(), "counts", together.counts.tolist())
same = len(alone.keys) == 2 and together.keys.shape == (2, 4) and (together.keys[:, 2:] == 0).all()
if not same or together.counts.tolist() != [2, 2]:
    sys.exit("Changed: missing hits of a batch no longer have the key 0.")
PYTHON
