"""A person's plan as a JSON file, each fault of which is named with its field and remedy."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any

from components.currencies import normalize_currency
from components.experiment.plan import ExperimentPlan

EXAMPLE = '{"minimum_users": 1000, "alpha": 0.05}'
TYPES = {field.name: field.type for field in fields(ExperimentPlan)}


def read_plan_file(path: Path) -> ExperimentPlan:
    """Read a plan, with defaults for the fields that the file leaves out.

    Raises:
        ValueError: the file is missing or no JSON object, or a field is unknown or out of range.
    """
    values = _read_object(path)
    for name, value in values.items():
        if problem := field_problem(name, value):
            raise ValueError(f"--plan: {path} {problem}")
    return ExperimentPlan.from_json(json.dumps(values))


def _read_object(path: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"--plan: {path} cannot be read ({error.strerror}): give a JSON file, as {EXAMPLE}") from None
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"--plan: {path} is no JSON object: write one, as {EXAMPLE}")
    return values


def field_problem(name: str, value: Any) -> str:
    """Return a field's problem and the remedy, '' where it is right."""
    if name not in TYPES:
        match = get_close_matches(name, TYPES, n=1)
        return f"has no field {name!r}: " + (f"did you mean {match[0]}?" if match else f"give {', '.join(TYPES)}")
    if name.endswith("alpha") and not (_is_number(value) and 0 < value < 1):
        return f"has {name} {value!r}: give a number between 0 and 1"
    if name == "interleaved_share" and not (_is_number(value) and value <= 1):
        return f"has {name} {value!r}: give a number from 0 to 1"
    if name == "currency" and isinstance(value, str) and value:
        return _currency_problem(value)
    is_right, remedy = RULES[TYPES[name]]
    return "" if is_right(value) else f"has {name} {value!r}: give {remedy}"


def _currency_problem(value: str) -> str:
    try:
        normalize_currency(value)
    except ValueError as error:
        return f"has a currency that {error}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _is_list_of_shares(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_number(share) and share <= 1 for share in value)


RULES: dict[Any, tuple[Callable[[Any], bool], str]] = {
    int: (_is_whole, "a whole number from 0"),
    float: (_is_number, "a number from 0"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    str: (lambda value: isinstance(value, str), "a text"),
    tuple[float, ...]: (_is_list_of_shares, "a list of numbers from 0 to 1"),
}
