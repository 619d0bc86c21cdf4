#!/usr/bin/env bash
# Expected: None in a BYTES input of a V2 request is refused, or becomes an empty text.
# What happens: Triton's client writes the four letters `None`, over JSON and in binary form alike; 1 and True become
#   texts as well. Texts in a NumPy array of type str are refused, so the object array that lets None in is the one to
#   use.
# Why it matters: an item without a brand is scored as one of the brand None, and training, which saw an empty text,
#   disagrees with serving.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tritonclient==2.73.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

print("tritonclient", version("tritonclient"))
brands = np.array(["acme", None, True, 1], dtype=object)
sent = serialize_byte_tensor(brands)
arrived = [text.decode() for text in deserialize_bytes_tensor(sent.item())]
print("given", brands.tolist(), "arrived", arrived)
if arrived != ["acme", "None", "True", "1"]:
    sys.exit("Changed: None is no longer sent as a text.")
PYTHON
