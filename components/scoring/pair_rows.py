"""Rows of a file as query and item text, or the reason why a row cannot be scored."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from components.csv_records import TableRow, is_unknown_text
from components.scoring.tokenizer import FIELDS, item_text

REQUIRED = ("query", "title")
OPTIONAL = tuple(name for name in FIELDS if name not in REQUIRED)
MAX_ERROR_TEXT = 2000  # characters of a broken row


@dataclass(frozen=True)
class Pair:
    """A query and an item's text, or why the row cannot be scored."""

    query: str = ""
    item_text: str = ""
    error: str = ""
    dropped_fields: tuple[str, ...] = ()  # optional fields that are no text


def read_pair(row: TableRow) -> Pair:
    """Read query and item text from a row, without optional fields that are no text."""
    if row.error:
        return Pair(error=f"line {row.line}: {row.error}: {to_unicode(row.text[:MAX_ERROR_TEXT])}")
    texts = {}
    for name in REQUIRED:
        try:
            texts[name] = to_text(row.values.get(name))
        except ValueError as error:
            return Pair(error=f"line {row.line}: {name} {error}")
        if not texts[name].strip():
            return Pair(error=f"line {row.line}: {name} is empty")
    optional_texts, dropped_fields = read_optional_fields(row.values)
    return Pair(texts["query"], item_text(texts | optional_texts), dropped_fields=dropped_fields)


def read_optional_fields(values: Mapping) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the item's known optional fields, and the names of those that are no text."""
    texts = {}
    dropped_fields = []
    for name in OPTIONAL:
        try:
            text = to_text(values.get(name)).strip()
        except ValueError:
            dropped_fields.append(name)
            continue
        if not is_unknown_text(text):
            texts[name] = text
    return texts, tuple(dropped_fields)


def to_text(value) -> str:
    """Return a value as text, "" where it is unknown.

    Raises:
        ValueError: it is no text, number or date; the sentence lacks its subject.
    """
    if value is None or is_nan(value):
        return ""
    if isinstance(value, bytes):
        return value.decode()  # old Parquet writers do not mark texts as such
    if isinstance(value, str):
        if not is_unicode(value):
            raise ValueError("holds a broken character")
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 501, where a missing value made the column one of floats
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, date, time)):
        raise ValueError(f"is a {type(value).__name__}, not a text")
    return str(value)


def is_nan(value) -> bool:
    """Return True for a number that stands for a missing value."""
    return isinstance(value, (float, Decimal)) and math.isnan(value)


def is_unicode(text: str) -> bool:
    """Return True if a text can be written as UTF-8."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def to_unicode(text: str) -> str:
    """Replace characters that cannot be written as UTF-8."""
    return text if is_unicode(text) else text.encode("utf-8", "replace").decode()
