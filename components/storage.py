"""Put and get on S3 with the minio client: folders (packages, sources), small JSON documents (state), listings."""

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from components.settings import Settings

MISSING = {"NoSuchKey", "NoSuchBucket"}


class Http(urllib3.PoolManager):
    """Connections to S3. Silence and an error status are asked again, with pauses that grow with the time allowed."""

    def __init__(self, settings: Settings):
        seconds = settings.s3_timeout_s
        super().__init__(
            maxsize=10,
            timeout=urllib3.Timeout(connect=min(10, seconds), read=seconds),
            retries=urllib3.Retry(5, backoff_factor=seconds / 120, status_forcelist=(500, 502, 503, 504)),
            cert_reqs="CERT_REQUIRED",
            ca_certs=settings.ssl_cert_file or certifi.where(),
        )

    def urlopen(self, method: str, url: str, redirect: bool = True, **options):
        """As the library's; but what it gives up on is named without the query, which may hold a signature.

        Raises:
            ConnectionError: S3 cannot be reached, or only fails, or says nothing.
        """
        try:
            return super().urlopen(method, url, redirect, **options)
        except urllib3.exceptions.HTTPError as error:
            reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
            asked = f"{method} {urlsplit(url).netloc}{urlsplit(url).path}"
            raise ConnectionError(f"S3 gives no good answer to {asked}: {reason}") from None


def client(settings: Settings | None = None) -> Minio:
    """The client of the endpoint that the environment names; the same for all calls, with its connections kept open.

    Raises:
        ValueError: the endpoint is no URL, or no credentials are set.
    """
    return connected(settings or Settings())


@cache
def http(settings: Settings) -> Http:
    """The connections of these settings."""
    return Http(settings)


@cache
def connected(settings: Settings) -> Minio:
    """The client of these settings, over our connections: its own wait five minutes for an answer, six times."""
    url = urlsplit(settings.s3_endpoint)
    if url.scheme not in ("http", "https") or not url.netloc:
        raise ValueError(f"BROADFAST_S3_ENDPOINT is {settings.s3_endpoint!r}; give http://host:port or https://host")
    keys = settings.s3_access_key, settings.s3_secret_key
    if not all(keys):
        raise ValueError("no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return Minio(url.netloc, *keys, secure=url.scheme == "https", http_client=http(settings))


def ensure_bucket() -> None:
    """Create the bucket unless it is there."""
    s3, bucket = client(), Settings().s3_bucket
    if not s3.bucket_exists(bucket):
        s3.make_bucket(bucket)


def put_folder(folder: str | Path, prefix: str) -> int:
    """Upload every file below `folder` under `prefix`; returns their number."""
    s3, bucket, folder = client(), Settings().s3_bucket, Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        s3.fput_object(bucket, str(PurePosixPath(prefix, path.relative_to(folder).as_posix())), str(path))
    return len(files)


def get_folder(prefix: str, folder: str | Path) -> int:
    """Download every object below `prefix` into `folder`; returns their number.

    Raises:
        FileNotFoundError: nothing lies below the prefix.
    """
    s3, bucket = client(), Settings().s3_bucket
    names = list(names_below(prefix))
    for name in names:
        s3.fget_object(bucket, name, str(Path(folder, PurePosixPath(name).relative_to(prefix))))
    if not names:
        raise FileNotFoundError(f"s3://{bucket}/{prefix} holds nothing")
    return len(names)


def remove_folder(prefix: str) -> None:
    """Remove every object below a prefix.

    Raises:
        RuntimeError: S3 keeps one of them.
    """
    doomed = (DeleteObject(name) for name in list(names_below(prefix)))
    for error in client().remove_objects(Settings().s3_bucket, doomed):
        raise RuntimeError(f"S3 does not remove {error.name}: {error.message}")


def names_below(prefix: str) -> Iterator[str]:
    """Names of the objects below a prefix, in order."""
    found = client().list_objects(Settings().s3_bucket, prefix.rstrip("/") + "/", recursive=True)
    return (entry.object_name for entry in found if not entry.is_dir)


def put_bytes(name: str, content: bytes) -> None:
    """Write one object."""
    client().put_object(Settings().s3_bucket, name, io.BytesIO(content), len(content))


def create_bytes(name: str, content: bytes) -> bool:
    """Write one object unless there is one of this name; whether it was written. Of several writers one succeeds.

    Raises:
        RuntimeError: S3 refuses it.
        ConnectionError: S3 cannot be reached, or only fails, or says nothing; it may or may not have been written.
    """
    settings = Settings()
    url = client(settings).presigned_put_object(settings.s3_bucket, name)  # minio's own put has no conditions
    answer = http(settings).request("PUT", url, body=content, headers={"If-None-Match": "*"})
    if answer.status not in (200, 412):
        said = answer.data[:300].decode(errors="replace")
        raise RuntimeError(f"S3 answers {answer.status} to the creation of {name}: {said}")
    return answer.status == 200


def get_bytes(name: str) -> bytes | None:
    """Read one object; None where there is none."""
    try:
        response = client().get_object(Settings().s3_bucket, name)
    except S3Error as error:
        if error.code in MISSING:
            return None
        raise
    try:
        return response.read()
    finally:
        response.close()
        response.release_conn()


def put_json(name: str, document: dict) -> None:
    """Write one JSON document, keys sorted."""
    put_bytes(name, json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode())


def get_json(name: str) -> dict | None:
    """Read one JSON document; None where there is none."""
    content = get_bytes(name)
    return None if content is None else json.loads(content)
