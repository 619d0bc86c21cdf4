"""Models of a hub, mirrored into the platform's bucket, for pods that reach no hub: `make models` writes them.

Files lie below models/NAME, with their sha256 in `mirror.json`, which is written last: half a mirror is none.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from components import storage
from components.package_manifest import file_digest
from components.settings import Settings

PREFIX = "models"
NAME = "mirror.json"
SHA256 = "sha256"  # of an object's metadata: files that are there already are not sent again


@dataclass(frozen=True)
class Mirror:
    """A mirrored model: its hub's name and revision, and the sha256 of its files."""

    model: str
    revision: str
    files: dict[str, str]  # path below the model's folder -> sha256

    @property
    def prefix(self) -> str:
        """Return where the files lie in the bucket."""
        return mirror_prefix(self.model)


def mirror_prefix(model: str) -> str:
    """Return the prefix of a model's mirror."""
    return f"{PREFIX}/{re.sub(r'[^A-Za-z0-9._-]+', '--', model)}"


def find_mirror(model: str) -> Mirror | None:
    """Return the whole mirror of a hub's model, if there is one.

    Without keys of an S3 there is none.
    """
    if not Settings().s3_access_key:
        return None
    document = storage.get_json(f"{mirror_prefix(model)}/{NAME}")
    return Mirror(**document) if document else None


def download_mirror(mirror: Mirror, folder: str | Path, left_out: str = "") -> None:
    """Download a mirror's files, but those whose names end in `left_out`.

    Raises:
        ValueError: a file is not what was mirrored; mirror the model again.
    """
    for name, digest in mirror.files.items():
        if not left_out or not name.endswith(left_out):
            path = Path(folder, name)
            storage.client().fget_object(Settings().s3_bucket, f"{mirror.prefix}/{name}", str(path))
            if file_digest(path) != digest:
                raise ValueError(
                    f"s3://{Settings().s3_bucket}/{mirror.prefix}/{name} was changed: its sha256 is not the one in "
                    f"{NAME}. Mirror it again: make models"
                )


def upload_mirror(folder: Path, model: str, revision: str, report=print) -> Mirror:
    """Upload a model's files that are not there yet, and last what names them.

    `report` takes a sentence a file.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    digests = {name: file_digest(path) for name, path in files.items()}
    mirror = Mirror(model, revision, digests)
    for name, path in files.items():
        if stored_digest(f"{mirror.prefix}/{name}") == digests[name]:
            report(f"{name}: is there")
            continue
        storage.client().fput_object(
            Settings().s3_bucket, f"{mirror.prefix}/{name}", str(path), metadata={SHA256: digests[name]}
        )
        report(f"{name}: {path.stat().st_size / 1e6:,.1f} MB")
    storage.put_bytes(f"{mirror.prefix}/{NAME}", json.dumps(asdict(mirror), indent=1, sort_keys=True).encode())
    return mirror


def stored_digest(name: str) -> str:
    """Return the sha256 that an object was uploaded with, "" where there is none."""
    metadata = storage.read_metadata(name)
    return (metadata or {}).get(f"x-amz-meta-{SHA256}", "")
