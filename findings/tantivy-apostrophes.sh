#!/usr/bin/env bash
# Expected: the query `women's shoes` finds shoes; a query parser gives special meaning to double quotes, not to an
#   apostrophe.
# What happens: an apostrophe inside a word is a syntax error in parse_query, and two of them quote what is between:
#   `size 8' table and 6' bench` asks for the phrase 'table and 6'. parse_query_lenient takes both as text.
# Why it matters: apparel and measures in feet are everyday queries of a shop; they fail, or match nothing, in the
#   plain call of the tutorial.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tantivy==0.27.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import tantivy

print("tantivy", version("tantivy"))
builder = tantivy.SchemaBuilder()
builder.add_text_field("title", stored=True)
index = tantivy.Index(builder.build())
refused = False
try:
    index.parse_query("women's shoes", ["title"])
except ValueError as error:
    refused = True
    print("parse_query:", error)
print("parse_query_lenient:", index.parse_query_lenient("women's shoes", ["title"])[0])
measures = str(index.parse_query("size 8' table and 6' bench", ["title"]))
print("feet:", measures)
if not refused or "PhraseQuery" not in measures:
    sys.exit("Changed: apostrophes are plain characters of a query now.")
PYTHON
