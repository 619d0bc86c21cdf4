"""The fields of one judgement: required ones are checked, optional ones are dropped where they cannot be read."""

import math
from collections.abc import Mapping

from components.csv_records import is_unknown_text

TEXT_LIMIT = 100_000  # characters of a field
EXACT_INTEGERS = 2**53  # floats beyond it have lost digits
REQUIRED_TEXTS = ("query", "title")
NUMBERS = ("price", "rating", "shown")


def clean_fields(values: Mapping) -> tuple[dict, list[str]]:
    """Return the fields in one form each, and the names of the dropped ones.

    None is nothing. The label stays as it is.

    Raises:
        ValueError: query or title cannot be read; the words before a colon name the kind of reason.
    """
    fields = {}
    unreadable = []
    for name, value in values.items():
        try:
            fields[name] = None if value is None else clean_field(name, value)
        except ValueError:
            if name in REQUIRED_TEXTS:
                raise
            fields[name] = None
            unreadable.append(name)
    for name in REQUIRED_TEXTS:
        if not fields[name]:
            raise ValueError(f"empty {name}")
    return fields, unreadable


def clean_field(name: str, value: object) -> object:
    """Return one field in its form.

    Raises:
        ValueError: it cannot be read.
    """
    if name == "label":
        return value
    return clean_number(name, value) if name in NUMBERS else clean_text(name, value)


def clean_text(name: str, value: object) -> str | None:
    """Return a field's text without extra blanks, or None for nothing.

    `nan`, `null`, `none` and `n/a` are nothing in optional fields. A query or title may be such a word.

    Raises:
        ValueError: it is no text, or too long.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_INTEGERS:
        value = int(value)  # how tables with gaps hold whole numbers
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"wrong type: {name} is a {type(value).__name__}, not text")
    text = " ".join(str(value).split())
    if len(text) > TEXT_LIMIT:
        raise ValueError(f"too long: {name} has {len(text):,} characters, at most {TEXT_LIMIT:,} are read")
    if name not in REQUIRED_TEXTS and is_unknown_text(text):
        return None
    return text or None


def clean_number(name: str, value: object) -> float | None:
    """Return a price or rating, or None for nothing.

    Raises:
        ValueError: it is no finite number from 0.
    """
    if isinstance(value, str) and not value.strip():
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"wrong type: {name} is {value!r}, not a number from 0")
    return number
