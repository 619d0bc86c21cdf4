"""Sequential tests of counts by arm, valid at every look: sample ratio mismatch, and arms that sell far less.

The Bayes factor of a beta-binomial against the binomial of the planned share is a martingale under a right split, so
its inverse is an always-valid p-value (Lindon and Malek, arXiv 2011.03567).
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import betainc, betaln
from scipy.stats import betabinom, binom

PRIOR_USERS = 1_000  # what the prior is worth: mismatches of about a percent and a half are looked for


def srm_p_value(users: Mapping[str, int], share: float) -> float:
    """Return the p-value of the arms' sizes, 1 where nothing is split."""
    total = sum(users.values())
    if share <= 0 or share >= 1 or not total:
        return 1.0
    return count_p_value(users.get("treatment", 0), total, share)


def count_p_value(count: int, total: int, share: float) -> float:
    """Return the always-valid p-value of `count` of `total` under a binomial share."""
    evidence = betabinom.logpmf(count, total, share * PRIOR_USERS, (1 - share) * PRIOR_USERS)
    evidence -= binom.logpmf(count, total, share)
    return float(np.exp(-max(evidence, 0.0)))


def shortfall_p_value(count: int, total: int, share: float) -> float:
    """Return the always-valid p-value of so few of `total` under at least this share.

    The alternative is uniform below `share`, so the inverse is an e-value under every share from there on. Where the
    count reaches its share no smaller share explains it better, so the evidence is none.
    """
    if count >= share * total:  # here betainc underflows from some thousands on
        return 1.0
    rest = total - count
    evidence = betaln(count + 1, rest + 1) + np.log(betainc(count + 1, rest + 1, share))
    evidence -= np.log(share) + count * np.log(share) + rest * np.log1p(-share)
    return float(np.exp(-max(evidence, 0.0)))
