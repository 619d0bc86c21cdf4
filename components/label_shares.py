"""The labels' probabilities among themselves, from log-probabilities of the tokens that begin them."""

import math
from collections.abc import Hashable, Mapping, Sequence


def label_shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Return the labels' probabilities among themselves, from their log-probabilities."""
    largest = max(logprobs)
    weights = [math.exp(value - largest) for value in logprobs]
    return tuple(weight / sum(weights) for weight in weights)


def listed_label_shares(labels: Sequence[Hashable], logprobs: Mapping[Hashable, float]) -> tuple[float, ...]:
    """Return the shares of `labels` where only the likeliest tokens are listed.

    A label that is not listed is as likely as the last that is.
    """
    least = min(logprobs.values())
    return label_shares([logprobs.get(label, least) for label in labels])
