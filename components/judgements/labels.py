"""Label scales: how the labels and ratings of a source become Exact, Substitute, Complement and Irrelevant.

`3=Exact,2=Substitute,0=Irrelevant` maps values, `>=2.5=Exact,<1.5=Irrelevant` maps ranges of means, and a preset names
a common scale. No number becomes Complement unless somebody says so: a Complement goes with the item that was searched.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from components import contracts
from components.csv_records import is_unknown_text

OURS = {name.lower(): name for name in contracts.LABELS} | {name[0].lower(): name for name in contracts.LABELS}
OPERATORS = (">=", "<=", ">", "<")  # the longer first
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True)
class Bound:
    """One end of a range of ratings, and the label of the ratings in it."""

    operator: str
    number: float
    label: str

    def holds(self, rating: float) -> bool:
        """Return True if a rating lies in the range."""
        if rating == self.number:
            return "=" in self.operator
        return (rating > self.number) == self.operator.startswith(">")


@dataclass(frozen=True)
class LabelScale:
    """How values become labels."""

    values: Mapping[str | float, str] = field(default_factory=dict)  # folded texts and numbers
    bounds: tuple[Bound, ...] = ()
    span: tuple[float, float] = (-math.inf, math.inf)  # of a preset's ratings

    @property
    def is_graded(self) -> bool:
        """Return True if the scale takes numbers, whose median is a label too."""
        return bool(self.bounds) or any(isinstance(value, float) for value in self.values)

    def find(self, value: object) -> str | None:
        """Return the label of a value, or None if the scale lacks it."""
        rating = to_rating(value)
        key = fold(value) if rating is None else rating
        if key in self.values:
            return self.values[key]
        if rating is None:
            return OURS.get(key)
        if not self.span[0] <= rating <= self.span[1]:
            return None
        return self._find_range(rating)

    def _find_range(self, rating: float) -> str | None:
        """Return the label of the narrowest range that holds a rating."""
        ranges = [bound for bound in self.bounds if bound.holds(rating)]
        return min(ranges, key=lambda bound: abs(bound.number - rating)).label if ranges else None


def to_rating(value: object) -> float | None:
    """Return a finite value as a number, or None. Text may have a decimal comma."""
    if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value.strip()):
        value = value.replace(",", ".")
    try:
        rating = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return rating if math.isfinite(rating) and not isinstance(value, bool) else None


def fold(value: object) -> str:
    """Return a value as text without case and extra blanks."""
    return " ".join(str(value).split()).casefold()


def is_unrated(value: object) -> bool:
    """Return True for an empty cell, None, NaN and their texts: nobody judged the pair."""
    return value is None or is_unknown_text(str(value))


GRADES = ">={exact}=Exact,>={substitute}=Substitute,<{substitute}=Irrelevant"
PRESETS = {
    "esci": ("", None),
    "binary": ("1=E,true=E,yes=E,relevant=E,0=I,false=I,no=I,irrelevant=I,not relevant=I", None),
    "0-1": (GRADES.format(exact=0.75, substitute=0.4), (0, 1)),
    "0-3": (GRADES.format(exact=2.5, substitute=1.5), (0, 3)),
    "1-3": (GRADES.format(exact=2.5, substitute=1.5), (1, 3)),
    "0-4": (GRADES.format(exact=3.5, substitute=1.5), (0, 4)),
    "1-5": (GRADES.format(exact=4.5, substitute=2.5), (1, 5)),
    "exact-partial-irrelevant": ("exact=E,partial=S,irrelevant=I", None),
}


def parse_labels(text: str) -> LabelScale:
    """Read a preset's name, or pairs of a value or range and a label.

    An empty text is our own labels.

    Raises:
        ValueError: a part that cannot be read, or ranges that overlap.
    """
    definition, span = PRESETS.get(fold(text), (text, None))
    values: dict[str | float, str] = {}
    bounds = []
    for part in filter(None, (part.strip() for part in definition.split(","))):
        entry = parse_part(part)
        if isinstance(entry, Bound):
            bounds.append(entry)
        else:
            values[entry[0]] = entry[1]
    check_overlaps(bounds)
    return LabelScale(values, tuple(bounds), span or (-math.inf, math.inf))


def parse_part(part: str) -> Bound | tuple[str | float, str]:
    """Read one `VALUE=LABEL` or `>=NUMBER=LABEL`.

    Raises:
        ValueError: it is neither, or the label is none of ours.
    """
    value, _, name = (piece.strip() for piece in part.rpartition("="))
    label = OURS.get(name.lower())
    if not value or label is None:
        raise ValueError(
            f"--labels: {part!r} cannot be read: write VALUE=LABEL or >=NUMBER=LABEL, LABEL being one of "
            f"{', '.join(contracts.LABELS)}, or name a scale: {', '.join(PRESETS)}"
        )
    for operator in OPERATORS:
        if value.startswith(operator):
            number = to_rating(value.removeprefix(operator))
            if number is None:
                raise ValueError(f"--labels: {part!r} compares with {value!r}, which is no number")
            return Bound(operator, number, label)
    rating = to_rating(value)
    return (fold(value) if rating is None else rating, label)


def check_overlaps(bounds: Iterable[Bound]) -> None:
    """Refuse a lower and an upper bound of different labels that hold the same ratings.

    Raises:
        ValueError: names both.
    """
    lower = [bound for bound in bounds if bound.operator.startswith(">")]
    upper = [bound for bound in bounds if bound.operator.startswith("<")]
    for low in lower:
        for high in upper:
            meet = low.number == high.number and "=" in low.operator and "=" in high.operator
            if low.label != high.label and (low.number < high.number or meet):
                ranges = f"{low.operator}{low.number:g} and {high.operator}{high.number:g}"
                raise ValueError(f"--labels: the ranges {ranges} overlap, as {low.label} and {high.label}")
