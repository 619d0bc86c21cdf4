"""Labels of unjudged pairs from their clicks, by how often judged pairs of each label are clicked.

Symbols: R pairs, C labels. A pair's clicks are a Poisson count of its looks times its label's click rate. The looks are
the position-based model's; the rates are those of the pairs that people judged.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import xlogy

from components.contracts import LABELS
from components.judgements.click_counts import ClickCounts
from components.judgements.click_models import position_based

CERTAINTY = 0.7  # of a label, below which a pair stays unjudged
Pair = tuple[str, str]  # query and item


def label_by_clicks(counts: ClickCounts, judged: Mapping[Pair, str]) -> dict[Pair, str]:
    """Return a label for each unjudged pair whose clicks leave little doubt."""
    pairs = [(pair["query_id"], pair["item_id"]) for pair in counts.pairs]
    looks = position_based(counts).exposure
    clicks = np.bincount(counts.pair, counts.clicks, len(pairs))
    known_labels = np.array([LABELS.index(judged[pair]) if pair in judged else -1 for pair in pairs])
    rates, shares = measure_labels(known_labels, clicks, looks)
    posterior = label_posterior(clicks, looks, rates, shares)
    best = posterior.argmax(axis=1)
    is_certain = (posterior.max(axis=1) >= CERTAINTY) & (known_labels < 0)
    return {pairs[row]: LABELS[best[row]] for row in np.flatnonzero(is_certain)}


def measure_labels(labels: np.ndarray, clicks: np.ndarray, looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the click rate of each label's judged pairs, and each label's share of them, (C,) each.

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
    expected = looks[:, None] * rates  # (R, C)
    log_likelihood = xlogy(clicks[:, None], expected) - expected
    log_posterior = log_likelihood + np.log(shares, where=shares > 0, out=np.full(len(LABELS), -np.inf))
    posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
    return posterior / posterior.sum(axis=1, keepdims=True)
