#!/usr/bin/env bash
# Expected: a filter on a column of scores gives the same rows, whether DuckDB reads an Arrow table or its Parquet copy.
# What happens: DuckDB holds NaN to be larger than every number, but Parquet's statistics leave NaN out. Where the
#   statistics decide a filter alone, `score < 100` keeps the NaN row and `score > 100` loses it: the reverse of the table.
# Why it matters: a NaN score (a failed model call) passes a limit on the file that stops it in memory, and counts differ.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.0 pyarrow==26.0.1
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__)
scores = pa.table({"score": [1.0, float("nan"), 3.0]})
file = os.path.join(os.environ["FOLDER"], "scores.parquet")
pq.write_table(scores, file)
counts = {}
for condition in ("score < 100", "score > 100"):
    in_memory = duckdb.sql(f"select score from scores where {condition}").fetchall()
    in_file = duckdb.sql(f"select score from '{file}' where {condition}").fetchall()
    print(f"{condition}: table {in_memory}, file {in_file}")
    counts[condition] = (len(in_memory), len(in_file))
if counts != {"score < 100": (2, 3), "score > 100": (1, 0)}:
    sys.exit("Changed: DuckDB no longer filters NaN in the file otherwise than in the table.")
PYTHON
