#!/usr/bin/env bash
# Expected: the same tensors with the same metadata give the same file; order by name is part of what the format promises.
# What happens: tensors are laid out in one order, but the metadata's keys come in a new random order at every call, even
#   within one process. With two keys or more the bytes, and so the file's digest, change; with one key they do not.
# Why it matters: stores by digest, caches of pipelines and signed models see a new model where nothing was trained.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import hashlib
import sys

import numpy as np
import safetensors
from safetensors.numpy import save

print("safetensors", safetensors.__version__)


def count_digests(metadata):
    """Save the same tensor fifty times, and return how many digests there are."""
    tensors = {"weights": np.zeros(3, np.float32)}
    return len({hashlib.sha256(save(tensors, metadata=metadata)).hexdigest() for _ in range(50)})


one_key = count_digests({"format": "pt"})
five_keys = count_digests({"format": "pt", "commit": "a1", "base": "minilm", "run": "7", "labels": "4"})
print("digests of 50 saves: one key", one_key, "- five keys", five_keys)
if one_key != 1 or five_keys == 1:
    sys.exit("Changed: metadata no longer changes the bytes of a file.")
PYTHON
