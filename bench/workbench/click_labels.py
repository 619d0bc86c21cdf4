"""Labels of a simulated shop's unjudged pairs, from its clicks as `components.judgements.click_labels` reads them."""

from collections.abc import Mapping

import numpy as np

from components.contracts import LABELS
from components.judgements.click_counts import ClickCounts
from components.judgements.click_labels import CERTAINTY, label_posterior, measure_labels
from components.judgements.click_models import position_based

Pair = tuple[str, str]  # query and item


def label_by_clicks(counts: ClickCounts, judged: Mapping[Pair, str]) -> dict[Pair, str]:
    """Return a label for each unjudged pair whose clicks leave little doubt."""
    pairs = [(pair["query_id"], pair["item_id"]) for pair in counts.pairs]
    looks = position_based(counts).exposure
    clicks = np.bincount(counts.pair, counts.clicks, len(pairs))
    known_labels = np.array([LABELS.index(judged[pair]) if pair in judged else -1 for pair in pairs])
    posterior = label_posterior(clicks, looks, *measure_labels(known_labels, clicks, looks))
    best = posterior.argmax(axis=1)
    is_certain = (posterior.max(axis=1) >= CERTAINTY) & (known_labels < 0)
    return {pairs[row]: LABELS[best[row]] for row in np.flatnonzero(is_certain)}
