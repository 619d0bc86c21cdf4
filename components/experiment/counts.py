"""Counts by name."""

from collections import Counter
from collections.abc import Mapping


def add_counts(parts: list[Mapping[str, int]]) -> dict[str, int]:
    """Add counts by name, names in order."""
    total = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))
