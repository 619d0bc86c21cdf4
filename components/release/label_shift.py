"""Brands whose labels suddenly differ from those the serving version was trained on, for a person to look at.

Counts of labels by brand stand in every package's lineage: two nights are compared without keeping their judgements.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from components.release.gate_verdict import BrandShift

LEAST_PAIRS = 20  # of a brand, on either side
LEAST_SHIFT = 0.05  # share of a brand's labels that have to have moved
SIGNIFICANCE = 0.01  # that an honest night holds any brand back at all


def brands_with_label_shift(candidate: Path, baseline: Path) -> list[BrandShift]:
    """Return the brands whose labels moved between two packages' judgements, most surely moved first."""
    return label_shifts(read_label_counts(candidate), read_label_counts(baseline))


def read_label_counts(package: Path) -> dict[str, list[int]]:
    """Return the counts of labels by brand in a package's lineage, if any."""
    return json.loads((package / "lineage.json").read_text()).get("labels_by_brand", {})


def label_shifts(new: Mapping[str, list[int]], old: Mapping[str, list[int]]) -> list[BrandShift]:
    """Return the brands whose labels moved between two tables of counts.

    A chi-squared test of homogeneity by brand, at a level divided by the number of brands (Bonferroni).
    """
    brands = [brand for brand in new if brand in old and min(sum(new[brand]), sum(old[brand])) >= LEAST_PAIRS]
    shifts = [_brand_shift(brand, new[brand], old[brand]) for brand in brands]
    return sorted(
        (shift for shift in shifts if shift.moved_share >= LEAST_SHIFT and shift.p_value < SIGNIFICANCE / len(brands)),
        key=lambda shift: shift.p_value,
    )


def _brand_shift(brand: str, new: list[int], old: list[int]) -> BrandShift:
    from scipy.stats import chi2_contingency

    counts = np.array([new, old], float)
    counts = counts[:, counts.sum(0) > 0]
    now, before = counts / counts.sum(1, keepdims=True)
    moved_share = float(abs(now - before).sum() / 2)  # total variation
    p_value = chi2_contingency(counts).pvalue if counts.shape[1] > 1 else 1.0
    return BrandShift(brand, sum(new), moved_share, float(p_value))
