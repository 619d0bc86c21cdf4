"""Are one brand's labels suddenly different from those the serving version was trained on? Then a person has to look.

Counts of labels by brand stand in every package's lineage: two nights are compared without keeping their judgements.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

LEAST_PAIRS = 20  # of a brand, on either side
LEAST_SHIFT = 0.05  # share of a brand's labels that have to have moved
SIGNIFICANCE = 0.01  # that an honest night holds any brand back at all


def shifted_brands(candidate: Path, baseline: Path) -> list[dict]:
    """Brands whose labels moved between two packages' judgements, most surely moved first.

    A chi-squared test of homogeneity by brand, at a level divided by the number of brands (Bonferroni).
    """
    new, old = (labels_by_brand(package) for package in (candidate, baseline))
    return shifted(new, old)


def labels_by_brand(package: Path) -> dict[str, list[int]]:
    """Counts of each label by brand, of what a package was trained and measured on; none of an older package."""
    return json.loads((package / "lineage.json").read_text()).get("labels_by_brand", {})


def shifted(new: Mapping[str, list[int]], old: Mapping[str, list[int]]) -> list[dict]:
    """The same of two tables of counts."""
    from scipy.stats import chi2_contingency

    known = [brand for brand in new if brand in old and min(sum(new[brand]), sum(old[brand])) >= LEAST_PAIRS]
    found = []
    for brand in known:
        counts = np.array([new[brand], old[brand]], float)
        counts = counts[:, counts.sum(0) > 0]
        now, before = counts / counts.sum(1, keepdims=True)
        moved = float(abs(now - before).sum() / 2)  # total variation: the share of labels that moved
        surprise = chi2_contingency(counts).pvalue if counts.shape[1] > 1 else 1.0
        if moved >= LEAST_SHIFT and surprise < SIGNIFICANCE / len(known):
            found.append({"brand": brand, "pairs": sum(new[brand]), "moved": moved, "p_value": float(surprise)})
    return sorted(found, key=lambda one: one["p_value"])
