#!/usr/bin/env bash
# Expected: a JSON text stays a text, or a time keeps its zone; one more row does not change the column's type.
# What happens: pyarrow.json makes texts of whole seconds a timestamp WITHOUT zone (10:00+02:00 becomes 08:00), and as soon
#   as one row has a fraction of a second, the whole column stays text. A search for the date "2026-11-01" is a timestamp.
# Why it matters: the type of an event log's time depends on the luck of its rows, and joins compare texts or zoneless times.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import pyarrow as pa
import pyarrow.json as pj

print("pyarrow", pa.__version__)


def read_column(*texts):
    """Read one JSON line for each text, and return the column."""
    lines = "".join(f'{{"value": "{text}"}}\n' for text in texts)
    return pj.read_json(io.BytesIO(lines.encode())).column("value")


zoned = read_column("2026-11-01T10:00:00+02:00")
fraction = read_column("2026-11-01T10:00:00Z", "2026-11-01T10:00:01.250Z")
query = read_column("2026-11-01")
for name, column in {"zoned": zoned, "one with a fraction": fraction, "a query": query}.items():
    print(name, column.type, column.to_pylist())
types = [str(column.type) for column in (zoned, fraction, query)]
if types != ["timestamp[s]", "string", "timestamp[s]"] or zoned[0].as_py().hour != 8:
    sys.exit("Changed: pyarrow reads times of JSON in another way now.")
PYTHON
