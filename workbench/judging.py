"""What a person judges next, how far everybody is, and how far they agree."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from components.agreement import measure_agreement
from components.contracts import LABELS
from workbench.nights import latest_comparison
from workbench.query_changes import sorted_pairs
from workbench.ratings import Rating

DISAGREEMENTS = "disagreements"


@dataclass(frozen=True)
class Disagreement:
    """A pair to which people gave different labels."""

    query_id: str
    item_id: str
    query: str
    title: str
    labels: tuple[tuple[str, str], ...]  # rater and label


@lru_cache(maxsize=2)
def read_pairs(comparison: str) -> dict[tuple[str, str], dict]:
    """Return a night's held-out pairs by query and item."""
    return {(row["query_id"], row["item_id"]): row for row in sorted_pairs(comparison).to_pylist()}


def pairs_to_judge() -> dict[tuple[str, str], dict]:
    """Return the newest night's held-out pairs by query and item."""
    return read_pairs(latest_comparison()["comparison"])


def queue_for(rater: str, ratings: Sequence[Rating], queue: str) -> list[tuple[str, str]]:
    """Return the pairs that a person has not judged, in a random order of theirs."""
    pairs = pairs_to_judge()
    rated_pairs = {rating.pair for rating in ratings if rating.rater == rater}
    candidates = {(each.query_id, each.item_id) for each in find_disagreements(ratings)}
    chosen_pairs = candidates & pairs.keys() if queue == DISAGREEMENTS else pairs.keys()
    return sorted(chosen_pairs - rated_pairs, key=lambda pair: hash_for(rater, pair))


def hash_for(rater: str, pair: tuple[str, str]) -> bytes:
    """Return what a person's pairs are ordered by."""
    return hashlib.sha256("\0".join((rater, *pair)).encode()).digest()


def find_disagreements(ratings: Sequence[Rating]) -> list[Disagreement]:
    """Return the pairs to which people gave different labels, those without a majority first."""
    disputes = [group for group in group_by_pair(ratings).values() if count_labels(group) > 1]
    return [describe_dispute(group) for group in sorted(disputes, key=has_majority)]


def count_labels(group: Sequence[Rating]) -> int:
    """Return how many different labels a pair has."""
    return len({rating.label for rating in group})


def describe_dispute(group: Sequence[Rating]) -> Disagreement:
    """Return what a person reads of a pair's ratings."""
    first = group[0]
    labels = tuple((rating.rater, rating.label) for rating in group)
    return Disagreement(first.query_id, first.item_id, first.query, first.title, labels)


def has_majority(group: Sequence[Rating]) -> bool:
    """Tell whether one label has more votes than any other."""
    votes = Counter(rating.label for rating in group).most_common(2)
    return len(votes) == 1 or votes[0][1] > votes[1][1]


def group_by_pair(ratings: Sequence[Rating]) -> dict[tuple[str, str], list[Rating]]:
    """Return the ratings of each pair."""
    groups: dict[tuple[str, str], list[Rating]] = {}
    for rating in ratings:
        groups.setdefault(rating.pair, []).append(rating)
    return groups


def count_by_rater(ratings: Sequence[Rating]) -> dict[str, int]:
    """Return how many pairs each person has judged, the most first."""
    return dict(Counter(rating.rater for rating in ratings).most_common())


def measure_raters(ratings: Sequence[Rating]) -> dict | None:
    """Return Krippendorff's alpha with its interval, None where no pair has two ratings."""
    labels: dict[tuple[str, str], list[str]] = {}
    for rating in ratings:
        labels.setdefault(rating.pair, []).append(rating.label)
    if all(len(pair_labels) < 2 for pair_labels in labels.values()):
        return None
    return measure_agreement(labels, LABELS, is_ordinal=False)
