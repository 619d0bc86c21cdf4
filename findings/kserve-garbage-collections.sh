#!/usr/bin/env bash
# Expected: an idle model server's garbage collections are short: requests are small, and what is loaded stays.
# What happens: importing kserve leaves more than 100,000 objects that Python's collector tracks. Every full collection
#   walks all of them, with every thread stopped: 26 ms or more, some time after the server has begun to answer.
#   gc.freeze() after the imports makes it microseconds.
# Why it matters: these stalls are the p99 of a server whose pages take ten milliseconds, and no profile of its own
#   code shows them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kserve==0.21.0
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import sys
import time
from importlib.metadata import version


def time_collection():
    """Return the milliseconds of the fastest of three full collections."""
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        gc.collect()
        seconds.append(time.perf_counter() - begin)
    return 1000 * min(seconds)


empty = time_collection()
import kserve  # noqa: E402, F401

objects = len(gc.get_objects())
loaded = time_collection()
gc.freeze()
frozen = time_collection()
print("kserve", version("kserve"))
print(f"objects after the import: {objects:,}")
print(f"a full collection: {empty:.2f} ms before, {loaded:.2f} ms after the import, {frozen:.2f} ms once frozen")
if objects < 100_000 or loaded < 20 * frozen:
    sys.exit("Changed: kserve leaves few objects, or full collections of them are short.")
PYTHON
