"""Packages on S3, each under its version: packages/VERSION/."""

from pathlib import Path

from components import package_manifest, storage
from components.package_signature import check_signature


def register(package: str | Path) -> str:
    """Upload a package unless it is there whole already, and return its version.

    Raises:
        ValueError: the folder is not what its manifest says, or lacks the signature that the settings ask for.
    """
    manifest = package_manifest.verify(package)
    check_signature(package)
    version = package_manifest.version(package)
    prefix = f"packages/{version}"
    own_files = [
        name for name in (package_manifest.NAME, package_manifest.SIGNATURE) if (Path(package) / name).exists()
    ]
    names = {f"{prefix}/{name}" for name in (*manifest, *own_files)}
    if set(storage.list_names(prefix)) != names:
        storage.put_folder(package, prefix)
    return version


def fetch(version: str, folder: str | Path) -> Path:
    """Download a registered package and verify it.

    Raises:
        FileNotFoundError: no such version is registered.
        ValueError: what came is not that version.
    """
    storage.get_folder(f"packages/{version}", folder)
    package_manifest.verify(folder)
    if package_manifest.version(folder) != version:
        raise ValueError(f"packages/{version} holds {package_manifest.version(folder)}: register it again")
    return Path(folder)
