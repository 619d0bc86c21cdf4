"""Several ratings of one pair become one label: the majority's, or the median of graded ratings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from components.judgements.labels import LabelScale


@dataclass(slots=True)
class Rating:
    """One row of a source that was checked: one person's label of a pair."""

    file: str
    line: int
    fields: dict  # by our names; query_id, locale and split are final
    label: str
    value: float | str  # as the source has it, a number where it is one
    rater: str | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Return the query's and the item's id."""
        return self.fields["query_id"], self.fields["item_id"]

    @property
    def source_row(self) -> dict:
        """Return the row as it is quarantined, with the source's label and rater."""
        return self.fields | {"label": self.value, "rater": self.rater}


@dataclass(slots=True)
class PairRatings:
    """All ratings of one pair, their label, and those that do not count."""

    ratings: list[Rating]
    label: str | None  # None: the raters are divided
    copies: list[Rating]  # a rater's further rows, or rows that say what another row says

    @property
    def is_disputed(self) -> bool:
        """Return True if the raters gave more than one label."""
        return len({rating.label for rating in self.ratings}) > 1

    def describe(self) -> str:
        """Return the labels with their counts."""
        counts = Counter(rating.label for rating in self.ratings)
        return ", ".join(f"{label} {count}" for label, count in counts.most_common())


def combine_ratings(rows: Sequence[Rating], scale: LabelScale) -> PairRatings:
    """Combine all rows of one pair.

    Rows without a rater that all agree are copies of one judgement. Where they do not agree, each is somebody's.
    """
    if len(rows) == 1:
        return PairRatings([rows[0]], rows[0].label, [])
    if all(row.rater is None for row in rows) and len({row.label for row in rows}) == 1:
        return PairRatings([rows[0]], rows[0].label, list(rows[1:]))
    ratings, copies = _first_by_rater(rows)
    return PairRatings(ratings, choose_label(ratings, scale), copies)


def _first_by_rater(rows: Sequence[Rating]) -> tuple[list[Rating], list[Rating]]:
    """Part each rater's first row from later ones."""
    ratings = []
    copies = []
    raters = set()
    for row in rows:
        if row.rater is not None and row.rater in raters:
            copies.append(row)
        else:
            ratings.append(row)
            raters.add(row.rater)  # of rows without a rater, each is somebody's
    return ratings, copies


def choose_label(ratings: Sequence[Rating], scale: LabelScale) -> str | None:
    """Return the label of the median rating or of most raters, or None."""
    numbers = [rating.value for rating in ratings if isinstance(rating.value, float)]
    if scale.is_graded and len(numbers) == len(ratings):
        return scale.find(median(numbers))
    (label, votes), *others = Counter(rating.label for rating in ratings).most_common(2)
    return None if others and others[0][1] == votes else label
