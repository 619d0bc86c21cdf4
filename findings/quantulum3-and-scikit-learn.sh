#!/usr/bin/env bash
# Expected: with scikit-learn installed, quantulum3 tells ambiguous units apart better than without it.
# What happens: its bundled classifier was stored by an older scikit-learn. With 1.9.1, the first text with an ambiguous
#   unit raises ModuleNotFoundError: No module named '_loss'. Texts without one are read, so that tests on "15.6 inch"
#   pass. Without scikit-learn all are read. The package asks for no version of scikit-learn.
# Why it matters: an extractor of attributes stops at "4k tv" on the day that another package brings scikit-learn in.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet quantulum3==0.10.0
cat >"$folder/read.py" <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
from quantulum3 import parser

for text in ("15.6 inch", "4k tv"):
    try:
        print(f"{text!r}:", [(quantity.value, quantity.unit.name) for quantity in parser.parse(text)])
    except ModuleNotFoundError as error:
        print(f"{text!r}: {type(error).__name__}: {error}")
        sys.exit(3)
PYTHON
echo "quantulum3 0.10.0 alone"
"$folder/venv/bin/python" "$folder/read.py"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1
echo "beside scikit-learn 1.9.1"
status=0
"$folder/venv/bin/python" "$folder/read.py" || status=$?
if [ "$status" != 3 ]; then
  echo "Changed: the classifier can be read by scikit-learn 1.9.1 now."
  exit 1
fi
