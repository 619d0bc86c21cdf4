"""Files on S3 by their content: equal bytes are stored once, whoever puts them."""

from pathlib import Path

from components import storage
from components.package_manifest import file_digest
from components.settings import Settings

PREFIX = "blobs"


def blob_name(digest: str) -> str:
    """Return the object's name of a sha256."""
    return f"{PREFIX}/{digest}"


def put_blob(path: str | Path) -> str:
    """Upload a file under its sha256, and return that.

    Bytes that are there already are written once more: a sweep goes by when they were last used.
    """
    digest = file_digest(Path(path))
    storage.client().fput_object(Settings().s3_bucket, blob_name(digest), str(path))
    return digest


def get_blob(digest: str, path: str | Path) -> None:
    """Download a file by its sha256.

    Raises:
        FileNotFoundError: it is not there; run the night again, which makes it anew.
        ValueError: what came has another sha256.
    """
    if not has_blob(digest):
        raise FileNotFoundError(
            f"s3://{Settings().s3_bucket}/{blob_name(digest)} is gone, with the night that made it: run the pipeline "
            "again from its start"
        )
    storage.client().fget_object(Settings().s3_bucket, blob_name(digest), str(path))
    if file_digest(Path(path)) != digest:
        raise ValueError(f"s3://{Settings().s3_bucket}/{blob_name(digest)} was changed: its sha256 is not its name")


def has_blob(digest: str) -> bool:
    """Return True where the bytes of this sha256 are stored."""
    return storage.read_metadata(blob_name(digest)) is not None
