"""Profiles from a file: JSON, YAML or TOML that names the profile it starts from, and what is different.

extends: paper
base_model: s3:///models/my-14b
student: {epochs: 3}
"""

import json
import math
import tomllib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path

import yaml

from pipelines.profile import Profile

EXTENDS = "extends"


def unique(pairs: Iterable[tuple]) -> dict:
    """Return a mapping of pairs.

    Raises:
        ValueError: a name is given twice, so that one value would be lost.
    """
    values: dict = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name!r} is given twice: keep one")
        values[name] = value
    return values


class UniqueLoader(yaml.SafeLoader):
    """Reads YAML, and refuses a name that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Return a node's mapping."""
        unique((key.value, None) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        return super().construct_mapping(node, deep)


READERS = {
    ".json": partial(json.loads, object_pairs_hook=unique),
    ".yaml": partial(yaml.load, Loader=UniqueLoader),
    ".yml": partial(yaml.load, Loader=UniqueLoader),
    ".toml": tomllib.loads,
}


def is_profile_file(name: str) -> bool:
    """Return True for the name of a file rather than of a known profile."""
    return Path(name).suffix.lower() in READERS


def read_profile_file(path: str | Path, profiles: dict) -> Profile:
    """Return the profile of a file, by default an extension of `paper`.

    Raises:
        ValueError: it cannot be read, extends an unknown profile, or names an unknown field or a wrong value.
    """
    path = Path(path)
    if not path.is_file():
        problem = "is no file" if path.exists() else "does not exist"
        raise ValueError(f"--profile {path} {problem}: give a file, or one of {', '.join(profiles)}")
    try:
        values = READERS[path.suffix.lower()](path.read_text(encoding="utf-8-sig"))
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no fields: give extends, and the fields of a profile that are different")
    parent = values.pop(EXTENDS, "paper")
    if not isinstance(parent, str) or parent not in profiles:
        raise ValueError(f"{path} extends {parent!r}; it is one of {', '.join(profiles)}")
    return change(profiles[parent](), {"name": path.stem, **values}, str(path))


def change(config, values: dict, field_path: str):
    """Return a configuration with other values, those of its parts by their own fields.

    Raises:
        ValueError: a field that is unknown, or a value of another type; with its place in the file.
    """
    names = {field.name for field in fields(config)}
    changes = {}
    for name, value in values.items():
        if name not in names:
            raise ValueError(f"{field_path}: there is no field {name!r}; there are {', '.join(sorted(names))}")
        changes[name] = convert(getattr(config, name), value, f"{field_path}, {name}")
    return replace(config, **changes)


def convert(present, value, field_path: str):
    """Return a value in the type of the one that it replaces.

    Raises:
        ValueError: it is of another type.
    """
    if is_dataclass(present):
        if not isinstance(value, dict):
            raise ValueError(f"{field_path} is {value!r}; give its fields, as in {{name: value}}")
        return change(present, value, field_path)
    if isinstance(present, tuple) and isinstance(value, list):
        return tuple(convert(present[0], part, field_path) if present else part for part in value)
    if isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if present is not None and type(value) is not type(present):
        raise ValueError(f"{field_path} is {value!r}; give a value of the kind of {present!r}")
    if isinstance(value, int | float):
        check_range(present, value, field_path)
    if isinstance(value, str) and present and not value.strip():
        raise ValueError(f"{field_path} is empty; give a value of the kind of {present!r}, or leave it out")
    return value


def check_range(present: float, value: float, field_path: str) -> None:
    """Check that a number is finite, and not negative where its default is not.

    Raises:
        ValueError: it is not finite, or negative.
    """
    if not math.isfinite(value) or value < 0 <= present:
        raise ValueError(f"{field_path} is {value!r}; give a finite number from 0, as {present!r}")
