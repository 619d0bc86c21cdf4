#!/usr/bin/env bash
# Expected: one engine rounds a half in one way, and the median of the prices 1.00 and 1.01 is 1.005.
# What happens: a cast of the DOUBLE 2.5 gives 2 (half to even), a cast of the DECIMAL 2.5 and both round() give 3.
#   avg() of a DECIMAL is a DOUBLE, 1.005, but median() stays a DECIMAL(10,2) and cuts to 1.00. Arrow's mean is cut, too.
# Why it matters: revenue in minor units depends on the column's type, and a median price is half a cent low at every tie.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.0 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__)
casts = duckdb.sql("select 2.5::double::int, 2.5::decimal(3,1)::int, round(2.5::double), round(2.5)").fetchall()[0]
print("cast of a double, cast of a decimal, round of a double, round of a decimal:", casts)
prices = pa.table({"price": pa.array([Decimal("1.00"), Decimal("1.01")], pa.decimal128(10, 2))})
average, median = duckdb.sql("select avg(price), median(price) from prices").fetchall()[0]
arrow_mean = pc.mean(pa.array([Decimal("2.00"), Decimal("2.00"), Decimal("1.00")], pa.decimal128(10, 2))).as_py()
print("DuckDB's average:", average, "its median:", median, "Arrow's mean of 2, 2 and 1:", arrow_mean)
same = [int(value) for value in casts] == [2, 3, 3, 3]
same = same and (average, median, arrow_mean) == (1.005, Decimal("1.00"), Decimal("1.67"))
if not same:
    sys.exit("Changed: halves or decimal means are rounded in another way now.")
PYTHON
