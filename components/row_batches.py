"""Rows of a stream, some at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Row = TypeVar("Row")


def batch_rows(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield lists of `size` rows, the last of what is left."""
    rows = iter(rows)
    return iter(lambda: list(islice(rows, size)), [])
