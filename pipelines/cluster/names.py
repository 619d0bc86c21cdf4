"""Names that a cluster takes: of versions, of namespaces, of the registry that images come from."""

import re
from collections.abc import Mapping

from components.s3_addresses import is_address, parse_address

EXAMPLE_REGISTRY = "registry.example.com"
NO_REGISTRIES = (EXAMPLE_REGISTRY, "registry.local")  # the example, and the default of a laptop
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME_LENGTH = 63  # of a Kubernetes label
VERSION_LENGTH = 40  # a pipeline's name and a profile's stand beside it


def check_version(version: str) -> None:
    """Check that a version can be part of Kubernetes names and an image's tag.

    Raises:
        ValueError: it cannot; with a name that can.
    """
    if not version:
        raise ValueError(
            "no version: give --version, which names the images' tag too; `make deploy-pipeline` takes the git sha"
        )
    _check_name("--version", version, VERSION_LENGTH)


def check_profile(name: str) -> None:
    """Check that a profile's name can be part of a version's.

    Raises:
        ValueError: it cannot; with a name that can.
    """
    _check_name("the profile's name", name, VERSION_LENGTH)


def check_namespace(namespace: str) -> None:
    """Check that Kubernetes takes the name of a namespace.

    Raises:
        ValueError: it does not; with a name that it takes.
    """
    _check_name("--namespace", namespace, NAME_LENGTH)


def check_sources(sources: Mapping[str, str]) -> None:
    """Check that models and judgements have names that a step can read.

    Raises:
        ValueError: one is blank, or an address on S3 that is not whole.
    """
    for name, address in sources.items():
        option = f"--{name.replace('_', '-')}"
        if not address or address != address.strip():
            raise ValueError(f"{option} is {address!r}: give it without spaces around it, or leave it out")
        if address.lower().startswith("s3:") and not is_address(address):
            raise ValueError(f"{option} is {address!r}: write s3://BUCKET/FOLDER")
        if is_address(address):
            parse_address(address)


def check_clicks(address: str) -> None:
    """Check that judgements from clicks lie where a cluster's step can read them.

    Raises:
        ValueError: the address is none of S3.
    """
    if address == "off":
        return
    check_sources({"click-judgements": address})
    if not is_address(address):
        raise ValueError(f"--click-judgements is {address!r}: a cluster reads s3://BUCKET/FOLDER/FILE.parquet, or off")


def check_registry(registry: str) -> None:
    """Check that images can come from a registry.

    Raises:
        ValueError: it is the example of the documents, or none was given.
    """
    host = registry.split("/")[0]
    if host in NO_REGISTRIES:
        raise ValueError(no_registry_message(host))


def no_registry_message(host: str) -> str:
    """Return what to say where images would come from a registry that does not exist."""
    return f"images would come from {host}, which is no registry: say REGISTRY=... TAG=..., as for `make images`"


def _check_name(option: str, name: str, length: int) -> None:
    if len(name) > length:
        raise ValueError(f"{option} is {name!r}, of {len(name)} characters: give at most {length}")
    if not NAME.fullmatch(name):
        suggestion = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        raise ValueError(
            f"{option} is {name!r}: Kubernetes takes names of a-z, 0-9 and - alone; give {suggestion or 'another'!r}"
        )
