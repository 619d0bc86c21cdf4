#!/usr/bin/env bash
# Expected: DuckDB gives the same average of a column, whether it is handed over as a pandas frame or as the Arrow
#   table of it.
# What happens: a NaN of pandas is NULL and left out (count 2, average 2.0); the same NaN in Arrow is a number (count
#   3, average NaN, and the maximum, for it is larger than all).
# Why it matters: replacing a frame by an Arrow table for speed changes every sum, and a reader of the metric sees NaN
#   only where one score failed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.0 pandas==2.3.3 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb
import pandas as pd
import pyarrow as pa

print("duckdb", duckdb.__version__, "pandas", pd.__version__, "pyarrow", pa.__version__)
frame = pd.DataFrame({"score": [1.0, float("nan"), 3.0]})
table = pa.table({"score": frame["score"].to_numpy()})
by_pandas = duckdb.sql("select count(score), avg(score), max(score) from frame").fetchall()[0]
by_arrow = duckdb.from_arrow(table).aggregate("count(score), avg(score), max(score)").fetchall()[0]
print("count, average, maximum: pandas", by_pandas, "Arrow", by_arrow)
if by_pandas != (2, 2.0, 3.0) or by_arrow[0] != 3 or by_arrow[1] == by_arrow[1]:
    sys.exit("Changed: NaN of pandas and of Arrow are the same to DuckDB now.")
PYTHON
