"""Text, CSV and JSON files as the formats need them: decoded, with the line or the field that an error names."""

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

from components.tabular import KINDS, TableFile
from components.text_encoding import detect_encoding


def decode(path: Path) -> str:
    """Return a file's text, in whatever encoding it is.

    Bytes that are no letter become the replacement character.
    """
    content = path.read_bytes()
    encoding = detect_encoding(io.BytesIO(content))
    return content.decode(encoding.name, errors="replace").removeprefix("\ufeff")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank."""
    for number, line in enumerate(io.StringIO(decode(path), newline=None), 1):
        if line.strip():
            yield number, line.rstrip("\n")


def open_csv(path: Path, keeps_duplicates: bool = False) -> TableFile:
    """Open a CSV file, whatever its name ends in."""
    if KINDS.get(path.suffix.lower()) == "csv":
        return TableFile(path, keeps_duplicates=keeps_duplicates)
    return TableFile(path.with_suffix(".csv"), path.read_bytes(), keeps_duplicates)


def load_json(path: Path) -> object:
    """Return the document of a JSON file.

    Raises:
        ValueError: it is no JSON; the sentence names line and column.
    """
    try:
        return json.loads(decode(path))
    except json.JSONDecodeError as error:
        where = f"{path.name}, line {error.lineno}, column {error.colno}"
        raise ValueError(f"{where}: no JSON ({error.msg}); export the file again, whole") from None
    except RecursionError:
        raise ValueError(f"{path.name}: the JSON is nested too deep; export the file again") from None


def parse_rating(value: object) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def describe_rating(name: str, value: object) -> str:
    """Return why a rating cannot be read, with the remedy."""
    return f"unknown rating: {name} is {value!r}; write a finite number"
