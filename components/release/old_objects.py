"""Objects on S3 that are old, in groups that stand for one thing, and their removal."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from components import storage
from components.settings import Settings

SCHEMES = ("s3", "minio")
MIN_DEPTH = 2  # folders of a run's artifacts below their bucket
NO_ACCESS = ("AccessDenied", "NoSuchBucket")


@dataclass(frozen=True)
class Removal:
    """How much was removed."""

    objects: int = 0
    bytes: int = 0

    def __add__(self, other: "Removal") -> "Removal":
        return Removal(self.objects + other.objects, self.bytes + other.bytes)


def old_groups(prefix: str, parts: int, end: str, names_in_use: set[str]) -> list[Object]:
    """Return the objects of old groups below a prefix that are not in use.

    The first `parts` parts of its name are an object's group. A group is old that has nothing newer than `end`.
    """
    groups: dict[str, list[Object]] = {}
    for entry in storage.list_objects(Settings().s3_bucket, prefix):
        groups.setdefault("/".join(entry.object_name.split("/")[:parts]), []).append(entry)
    moment = datetime.fromisoformat(end)
    old = []
    for name, entries in groups.items():
        if name not in names_in_use and max(entry.last_modified for entry in entries) < moment:
            old += entries
    return old


def artifact_objects(root: str) -> tuple[str, list[Object] | None]:
    """Return bucket and objects of a run's artifacts.

    The objects are None where our keys do not reach them.
    """
    url = urlsplit(root)
    prefix = url.path.strip("/")
    if url.scheme not in SCHEMES or len(prefix.split("/")) < MIN_DEPTH:
        return url.netloc, None
    try:
        return url.netloc, list(storage.list_objects(url.netloc, prefix))
    except S3Error as error:
        if error.code in NO_ACCESS:
            return url.netloc, None
        raise


def remove_objects(bucket: str, objects: list[Object]) -> Removal:
    """Remove objects, and return how much that was.

    Raises:
        RuntimeError: S3 does not remove one of them.
    """
    names = [DeleteObject(entry.object_name) for entry in objects]
    for error in storage.client().remove_objects(bucket, names):
        raise RuntimeError(f"S3 does not remove {error.name}: {error.message}")
    return Removal(len(objects), sum(entry.size or 0 for entry in objects))
