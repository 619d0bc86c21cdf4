"""Whether the arms' sizes fit the share: a sequential test for sample ratio mismatch, valid at every look.

The Bayes factor of a beta-binomial against the binomial of the planned share is a martingale under a right split, so
its inverse is an always-valid p-value (Lindon and Malek, arXiv 2011.03567).
"""

from collections.abc import Mapping

import numpy as np
from scipy.stats import betabinom, binom

STRENGTH = 1_000  # users that the prior is worth: mismatches of about a percent and a half are looked for


def mismatch(users: Mapping[str, int], share: float) -> float:
    """p-value of the arms' sizes under the share of treatment; 1 where there is nothing to split."""
    total = sum(users.values())
    if share <= 0 or share >= 1 or not total:
        return 1.0
    treated = users.get("treatment", 0)
    evidence = betabinom.logpmf(treated, total, share * STRENGTH, (1 - share) * STRENGTH)
    evidence -= binom.logpmf(treated, total, share)
    return float(np.exp(-max(evidence, 0.0)))
