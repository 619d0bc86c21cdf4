"""Folders, bytes, small JSON documents and listings on S3, with the minio client."""

import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from components.settings import Settings

MISSING = {"NoSuchKey", "NoSuchBucket"}


class Http(urllib3.PoolManager):
    """Connections to S3 that retry after silence and after an error status.

    Pauses grow with the configured timeout.
    """

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
        """Send a request. An error names it without its query, which may hold a signature.

        Raises:
            ConnectionError: S3 cannot be reached, fails every time, or does not answer.
        """
        try:
            return super().urlopen(method, url, redirect, **options)
        except urllib3.exceptions.HTTPError as error:
            reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
            target = f"{urlsplit(url).netloc}{urlsplit(url).path}"
            raise ConnectionError(f"S3 gives no good answer to {method} {target}: {reason}") from None


def client(settings: Settings | None = None) -> Minio:
    """Return the client of the environment's endpoint, which all calls share.

    Raises:
        ValueError: the endpoint is no URL, or no credentials are set.
    """
    return connect(settings or Settings())


@cache
def http(settings: Settings) -> Http:
    """Return the connection pool of these settings."""
    return Http(settings)


@cache
def connect(settings: Settings) -> Minio:
    """Return the client of these settings over our own connection pool.

    The library's pool waits five minutes for an answer, six times.
    """
    url = urlsplit(settings.s3_endpoint)
    if url.scheme not in ("http", "https") or not url.netloc:
        raise ValueError(f"BROADFAST_S3_ENDPOINT is {settings.s3_endpoint!r}; give http://host:port or https://host")
    keys = (settings.s3_access_key, settings.s3_secret_key)
    if not all(keys):
        raise ValueError("no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    region = settings.s3_region or None
    return Minio(url.netloc, *keys, secure=url.scheme == "https", region=region, http_client=http(settings))


def ensure_bucket() -> None:
    """Create the bucket unless it exists."""
    s3 = client()
    bucket = Settings().s3_bucket
    if not s3.bucket_exists(bucket):
        s3.make_bucket(bucket)


def put_folder(folder: str | Path, prefix: str) -> int:
    """Upload every file below `folder` under `prefix` and return their number."""
    s3 = client()
    bucket = Settings().s3_bucket
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        s3.fput_object(bucket, str(PurePosixPath(prefix, path.relative_to(folder).as_posix())), str(path))
    return len(files)


def get_folder(prefix: str, folder: str | Path) -> int:
    """Download every object below `prefix` into `folder` and return their number.

    Raises:
        FileNotFoundError: nothing lies below the prefix.
    """
    s3 = client()
    bucket = Settings().s3_bucket
    names = list(list_names(prefix))
    for name in names:
        s3.fget_object(bucket, name, str(Path(folder, PurePosixPath(name).relative_to(prefix))))
    if not names:
        raise FileNotFoundError(f"s3://{bucket}/{prefix} holds nothing")
    return len(names)


def remove_folder(prefix: str) -> None:
    """Remove every object below a prefix.

    Raises:
        RuntimeError: S3 does not remove one of them.
    """
    objects = (DeleteObject(name) for name in list(list_names(prefix)))
    for error in client().remove_objects(Settings().s3_bucket, objects):
        raise RuntimeError(f"S3 does not remove {error.name}: {error.message}")


def list_names(prefix: str) -> Iterator[str]:
    """Yield the names of the objects below a prefix.

    SeaweedFS lists folder by folder, so the order is not that of the names.
    """
    return (entry.object_name for entry in list_objects(Settings().s3_bucket, prefix))


def list_objects(bucket: str, prefix: str) -> Iterator[Object]:
    """Yield the objects below a prefix of any bucket, with size and time.

    The prefix "" is the whole bucket.
    """
    entries = client().list_objects(bucket, f"{prefix.rstrip('/')}/" if prefix else "", recursive=True)
    return (entry for entry in entries if not entry.is_dir)


def put_bytes(name: str, content: bytes) -> None:
    """Write one object."""
    client().put_object(Settings().s3_bucket, name, io.BytesIO(content), len(content))


def create_bytes(name: str, content: bytes) -> bool:
    """Write one object unless its name is taken, and return True if it was written.

    Of several writers one succeeds. The name must be no prefix of another object's: SeaweedFS refuses `runs/a` for
    good once `runs/a/x` was written.

    Raises:
        RuntimeError: S3 refuses it.
        ConnectionError: S3 cannot be reached, fails every time, or does not answer. The object may have been written.
    """
    return _put_if(name, content, {"If-None-Match": "*"}, (412,))


def replace_bytes(name: str, content: bytes, etag: str) -> bool:
    """Write one object over the content with this ETag, and return whether it was written.

    A write whose first answer was lost is tried again and returns False: read the object to tell.

    Raises:
        RuntimeError, ConnectionError: as `create_bytes`.
    """
    return _put_if(name, content, {"If-Match": etag}, (409, 412))  # 409: another writer is at it


def _put_if(name: str, content: bytes, condition: dict[str, str], condition_failed: tuple[int, ...]) -> bool:
    settings = Settings()
    url = client(settings).presigned_put_object(settings.s3_bucket, name)  # minio's own put has no conditions
    digest = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    # without a digest, SeaweedFS stores an empty object when the writer dies before it has sent the content
    response = http(settings).request("PUT", url, body=content, headers=condition | {"Content-MD5": digest})
    if response.status not in (200, *condition_failed):
        message = response.data[:300].decode(errors="replace")
        raise RuntimeError(f"S3 answers {response.status} to the conditional write of {name}: {message}")
    return response.status == 200


def get_bytes(name: str) -> bytes | None:
    """Read one object, or return None if it does not exist."""
    return get_with_etag(name)[0]


def get_with_etag(name: str) -> tuple[bytes | None, str]:
    """Read one object and the ETag that `replace_bytes` takes, None and "" without it."""
    try:
        response = client().get_object(Settings().s3_bucket, name)
    except S3Error as error:
        if error.code in MISSING:
            return None, ""
        raise
    try:
        return response.read(), response.headers["etag"]
    finally:
        response.close()
        response.release_conn()


def read_metadata(name: str) -> dict[str, str] | None:
    """Return an object's headers in small letters, or None if it does not exist."""
    try:
        headers = client().stat_object(Settings().s3_bucket, name).metadata
    except S3Error as error:
        if error.code in MISSING:
            return None
        raise
    return {key.lower(): value for key, value in headers.items()}


def put_json(name: str, document: dict) -> None:
    """Write one JSON document with sorted keys."""
    put_bytes(name, json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode())


def get_json(name: str) -> dict | None:
    """Read one JSON document, or return None if it does not exist."""
    content = get_bytes(name)
    return None if content is None else json.loads(content)
