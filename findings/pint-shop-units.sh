#!/usr/bin/env bash
# Expected: the units of product titles are read as shops mean them, or refused: "5 fl oz" is 148 ml, "256 Gb" is
#   memory, "2 pcs" are two pieces.
# What happens: they are read as other units, without an error: femtolitres times ounces, gilberts (magnetism), parsecs
#   (astronomy), and "20 db" is an area in decibarns. The small letters that most titles have ("256 gb", "60 hz") are
#   refused.
# Why it matters: an attribute "256 Gb" equals no "256 GB", and a filter on units passes a value of another dimension.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pint==0.25.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pint

print("pint", version("pint"))
units = pint.UnitRegistry()
found = {}
for text in ("5 fl oz", "256 Gb", "2 pcs", "20 db"):
    found[text] = str(units.parse_expression(text).units)
    print(f"{text!r}: {found[text]}")
expected = {"5 fl oz": "femtoliter * ounce", "256 Gb": "gilbert", "2 pcs": "parsec", "20 db": "decibarn"}
refused = []
for text in ("256 gb", "60 hz"):
    try:
        units.parse_expression(text)
    except pint.UndefinedUnitError as error:
        refused.append(text)
        print(f"{text!r}: {error}")
if found != expected or len(refused) != 2:
    sys.exit("Changed: units of titles are read otherwise now.")
PYTHON
