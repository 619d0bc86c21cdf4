"""What is wrong with an object of Kubernetes' own kinds, by the schemas of the package kubernetes_validate.

They are read here and once each: the package's own function reads all definitions again for every object.
"""

import json
from functools import cache
from importlib.resources import files

VERSION = "v1.34.0-local-strict"
LONGEST_MESSAGE = 160  # characters


def find_schema_fault(manifest: dict) -> str:
    """Return an object's first unknown or missing field or wrong type, or "".

    Raises:
        FileNotFoundError: Kubernetes has no such kind in this version of its API.
    """
    group, _, version = manifest["apiVersion"].rpartition("/")
    name = "-".join(part for part in (manifest["kind"].lower(), group.split(".")[0], version) if part)
    for error in create_validator(name).iter_errors(manifest):
        return f"{'/'.join(map(str, error.path))}: {error.message[:LONGEST_MESSAGE]}"
    return ""


@cache
def create_validator(kind: str):
    """Return the validator of a kind, as `deployment-apps-v1`."""
    from jsonschema.validators import Draft202012Validator  # takes three seconds
    from referencing import Resource

    schema = read_schema(kind)
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ read_definitions())


@cache
def read_definitions():
    """Return the registry of what all schemas refer to."""
    from referencing import Registry, Resource

    return Resource.from_contents(read_schema("_definitions")) @ Registry()


def read_schema(name: str) -> dict:
    """Read one of the package's files."""
    path = files("kubernetes_validate") / "kubernetes-json-schema" / VERSION / f"{name}.json"
    return json.loads(path.read_text())
