"""Values deep in a JSON document."""

from collections.abc import Mapping
from typing import Any


def read_path(document: Mapping | None, *names: str) -> Any:
    """Return the value at a path of names, None if a part is missing."""
    value = document
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
