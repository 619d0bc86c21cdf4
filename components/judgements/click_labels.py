"""Labels from clicks, by how often judged pairs of each label are clicked. The rules are fixed beforehand.

Symbols: R pairs, C labels. A pair's clicks are a Poisson count of its looks times its label's click rate. The looks are
those of a click model; the rates are those of pairs that people judged.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from components.contracts import LABELS
from components.judgements.click_models import poisson_bounds

CERTAINTY = 0.7  # of a label, below which a pair has none
MINIMUM_WEIGHT = 0.5  # of the doubt before the clicks that they have to take: a common label is likely without any
CONFIDENCE = 0.95  # of the intervals


@dataclass(frozen=True)
class ClickLabels:
    """What clicks say of pairs, (R,) each, and of labels, (C,)."""

    label: np.ndarray  # its number, -1 without a clear one
    confidence: np.ndarray  # how likely the likeliest is
    weight: np.ndarray  # how much of the doubt before the clicks they took: (confidence - share) / (1 - share)
    rates: np.ndarray  # clicks a look of each label's judged pairs


def label_pairs(grade: np.ndarray, high: np.ndarray, looks: np.ndarray, judged_labels: np.ndarray) -> ClickLabels:
    """Return labels of pairs from their grades, (R,) each.

    `high` are the upper bounds of the grades. `judged_labels` are people's, from which the rates come, -1 without one.
    Where people named fewer than two labels, no pair gets one.
    """
    rates, shares = measure_labels(judged_labels, grade * looks, looks)
    posterior = label_posterior(*weigh_evidence(grade, high, looks), rates, shares)
    best = posterior.argmax(axis=1)
    confidence = posterior.max(axis=1)
    weight = np.clip((confidence - shares[best]) / np.maximum(1 - shares[best], 1e-12), 0.0, 1.0)
    is_clear = (confidence >= CERTAINTY) & (weight >= MINIMUM_WEIGHT) & (np.count_nonzero(shares) > 1)
    return ClickLabels(np.where(is_clear, best, -1), confidence, weight, rates)


def weigh_evidence(grade: np.ndarray, high: np.ndarray, looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the clicks and looks that the interval stands for, (R,) each.

    An interval that is wider than that of the clicks' count, because propensities are estimates, counts for fewer: the
    relative variance of a grade is 1 / clicks + error^2.
    """
    clicks = grade * looks
    count_high = poisson_bounds(clicks, CONFIDENCE)[1] / looks
    error = np.log(np.maximum(high / count_high, 1.0)) / NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = 1 / (1 + clicks * error**2)
    return clicks * share, looks * share


def measure_labels(labels: np.ndarray, clicks: np.ndarray, looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each label's click rate, and its share of the judged pairs, (C,) each.

    A label that nobody judged has no share, so no pair gets it. Half a click is added to each rate.
    """
    is_judged = labels >= 0
    label_clicks = np.bincount(labels[is_judged], clicks[is_judged], len(LABELS))
    label_looks = np.bincount(labels[is_judged], looks[is_judged], len(LABELS))
    shares = np.bincount(labels[is_judged], minlength=len(LABELS)) / max(1, is_judged.sum())
    rates = np.divide(label_clicks + 0.5, label_looks, where=label_looks > 0, out=np.ones(len(LABELS)))
    return rates, shares


def label_posterior(clicks: np.ndarray, looks: np.ndarray, rates: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return how likely each label of each pair is, (R, C)."""
    from scipy.special import xlogy

    if not shares.any():
        return np.full((len(clicks), len(LABELS)), 1 / len(LABELS))
    means = looks[:, None] * rates  # (R, C)
    log_likelihood = xlogy(clicks[:, None], means) - means
    log_posterior = log_likelihood + np.log(shares, where=shares > 0, out=np.full(len(LABELS), -np.inf))
    posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
    return posterior / posterior.sum(axis=1, keepdims=True)
