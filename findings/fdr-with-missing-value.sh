#!/usr/bin/env bash
# Expected: a metric without a p-value is left out of the correction, or multipletests refuses it.
# What happens: with fdr_bh every corrected p-value becomes NaN, while the decisions beside them stay right;
#   Bonferroni keeps them, and counts the missing one as a test.
# Why it matters: one metric nobody could measure empties the whole column of a report that a reader takes for
#   'nothing significant'.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsmodels==0.15.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import statsmodels
from statsmodels.stats.multitest import multipletests

print("statsmodels", statsmodels.__version__)
p_values = [0.001, 0.01, 0.2, float("nan")]
rejected, corrected = multipletests(p_values, method="fdr_bh")[:2]
print("fdr_bh: rejected", rejected.tolist(), "corrected", corrected.tolist())
bonferroni = multipletests(p_values, method="bonferroni")[1]
print("bonferroni: corrected", bonferroni.tolist())
same = np.isnan(corrected).all() and rejected.tolist() == [True, True, False, False]
if not same or not np.isclose(bonferroni[0], 0.004):
    sys.exit("Changed: a missing p-value no longer empties the corrected ones, or is no longer counted.")
PYTHON
