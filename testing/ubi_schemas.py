"""UBI's own schemas, from a folder with schema/1.3.0 of github.com/o19s/ubi."""

import json
from collections.abc import Iterable
from pathlib import Path

from jsonschema import Draft202012Validator


def ubi_validator(folder: Path, name: str) -> Draft202012Validator:
    """Return the validator of a schema, `query.request` or `event`."""
    schema = accept_several_choices(json.loads((folder / f"{name}.schema.json").read_text()))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def accept_several_choices(schema):
    """Return a schema that takes a value which fits several of its choices: the published ones overlap."""
    if isinstance(schema, dict):
        return {"anyOf" if name == "oneOf" else name: accept_several_choices(value) for name, value in schema.items()}
    return [accept_several_choices(value) for value in schema] if isinstance(schema, list) else schema


def count_errors(folder: Path, name: str, rows: Iterable[dict]) -> int:
    """Return how many of the rows do not fit the schema."""
    validator = ubi_validator(folder, name)
    return sum(not validator.is_valid(row) for row in rows)
