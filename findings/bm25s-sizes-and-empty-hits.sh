#!/usr/bin/env bash
# Expected: the query `8` finds the shoes of size 8, and a query whose words occur nowhere finds nothing.
# What happens: the default tokeniser drops words of one character, so sizes and litres are not in the index; and
#   retrieve always returns k documents: those without any shared word come with score 0, the last of the corpus
#   first.
# Why it matters: a fusion by rank (RRF) gives these documents credit, recall at k counts them, and size queries look
#   answered.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet bm25s==0.3.16
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import bm25s

print("bm25s", version("bm25s"))
titles = ["size 8 trail shoes", "trail shoes for women", "rain jacket", "5 l bottle"]
tokens = bm25s.tokenize(titles, show_progress=False)
print("vocabulary", sorted(tokens.vocab))
index = bm25s.BM25()
index.index(tokens, show_progress=False)
found = {}
for query in ("8", "5 l", "telescope"):
    words = bm25s.tokenize([query], show_progress=False)
    documents, scores = index.retrieve(words, k=2, show_progress=False)
    found[query] = (documents[0].tolist(), scores[0].tolist())
    print(repr(query), "documents", found[query][0], "scores", found[query][1])
if "8" in tokens.vocab or any(len(documents) != 2 or any(scores) for documents, scores in found.values()):
    sys.exit("Changed: one-character words are indexed, or documents with score 0 are left out now.")
PYTHON
