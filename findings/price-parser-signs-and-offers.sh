#!/usr/bin/env bash
# Expected: a library for prices of shops gives -5 for "-5 $", as accounts write a refund; 10 dollars for "3 for $10";
#   and 0.299 for "0.299", where the leading zero rules a thousands separator out.
# What happens: the sign is dropped, the first number of an offer becomes the price in the currency of the second, and
#   0.299 becomes 299. No option and no warning tells.
# Why it matters: prices, price features and revenue that are read from text are wrong by a factor of a thousand, or
#   count a refund as a sale.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet price-parser==0.5.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from price_parser import Price

print("price-parser", version("price-parser"))
found = {}
for text in ("-5 $", "3 for $10", "0.299"):
    price = Price.fromstring(text)
    found[text] = (str(price.amount), price.currency)
    print(f"{text!r}: amount {price.amount}, currency {price.currency}")
if found != {"-5 $": ("5", "$"), "3 for $10": ("3", "$"), "0.299": ("299", None)}:
    sys.exit("Changed: signs, offers and leading zeros are read otherwise now.")
PYTHON
