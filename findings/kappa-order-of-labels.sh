#!/usr/bin/env bash
# Expected: weighted kappa of the labels Exact, Substitute, Complement, Irrelevant is refused, for texts have no
#   distance.
# What happens: cohen_kappa_score sorts the labels by the alphabet and takes their places as grades: Exact is then
#   next to Complement and Irrelevant, and Substitute is the far end. Numbers count by place, too: without a rating of
#   2 or 3, grades 1 and 4 are neighbours.
# Why it matters: two raters with the same answers get -0.33 or 0.45 by the labels' names alone; pass labels= in the
#   order of the scale, with every grade.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import sklearn
from sklearn.metrics import cohen_kappa_score

print("scikit-learn", sklearn.__version__)
scale = ["Exact", "Substitute", "Complement", "Irrelevant"]
first = ["Exact", "Substitute", "Complement", "Irrelevant", "Exact", "Exact"]
second = ["Substitute", "Exact", "Irrelevant", "Complement", "Exact", "Exact"]
by_alphabet = cohen_kappa_score(first, second, weights="linear")
by_scale = cohen_kappa_score(first, second, weights="linear", labels=scale)
print("labels as they come:", round(by_alphabet, 3), "- labels in the order of the scale:", round(by_scale, 3))
grades, other_grades = [0, 1, 4, 4, 0], [1, 1, 4, 0, 0]
by_place = cohen_kappa_score(grades, other_grades, weights="quadratic")
by_grade = cohen_kappa_score(grades, other_grades, weights="quadratic", labels=[0, 1, 2, 3, 4])
print("grades that occur:", round(by_place, 3), "- all grades of the scale:", round(by_grade, 3))
if not (by_alphabet < 0 < by_scale and round(by_place, 3) != round(by_grade, 3)):
    sys.exit("Changed: weighted kappa no longer goes by the sorted place of the labels.")
PYTHON
