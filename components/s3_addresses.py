"""What a person names on S3: `s3://BUCKET/FOLDER` or `s3://BUCKET/FOLDER/FILE`, in any bucket that our keys read.

`s3:///FOLDER`, without a bucket, is in the platform's own.
"""

from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from minio.error import S3Error

from components import storage
from components.settings import Settings

SCHEME = "s3://"
NO_ACCESS = "AccessDenied"


def is_address(text: str) -> bool:
    """Return True for an address on S3."""
    return text.startswith(SCHEME)


def parse_address(address: str) -> tuple[str, str]:
    """Return bucket and name of an address.

    Raises:
        ValueError: it names nothing in its bucket.
    """
    bucket, _, path = address.removeprefix(SCHEME).partition("/")
    name = unquote(path).strip("/")  # with ? and #, which are parts of names on S3
    if not name:
        raise ValueError(f"{address} names a whole bucket: give {SCHEME}{bucket or 'BUCKET'}/FOLDER or /FILE")
    return bucket or Settings().s3_bucket, name


def download(address: str, folder: str | Path, left_out: str = "") -> list[Path]:
    """Download a file, or the files of a folder, and return their paths below `folder`.

    Those whose names end in `left_out` are not downloaded.

    Raises:
        FileNotFoundError: there is neither; with where it was looked for.
        PermissionError: our keys do not read the bucket.
    """
    bucket, name = parse_address(address)
    try:
        files = find_files(bucket, name)
        if left_out:
            files = {key: path for key, path in files.items() if not key.endswith(left_out)}
        for key, path in files.items():
            storage.client().fget_object(bucket, key, str(Path(folder, path)))
    except S3Error as error:
        if error.code == NO_ACCESS:
            raise PermissionError(
                f"{address}: the platform's S3 keys (AWS_ACCESS_KEY_ID) do not read the bucket {bucket}"
            ) from error
        if error.code not in storage.MISSING:
            raise
        files = {}
    if not files:
        raise FileNotFoundError(
            f"{address} does not exist: {Settings().s3_endpoint} has neither the file {name} nor a folder {name}/ in "
            f"the bucket {bucket}"
        )
    return [Path(folder, path) for path in files.values()]


def find_files(bucket: str, name: str) -> dict[str, str]:
    """Return the objects of a file or folder, each with its path below the folder."""
    entries = storage.client().list_objects(bucket, name, recursive=False)
    if any(entry.object_name == name and not entry.is_dir for entry in entries):
        return {name: PurePosixPath(name).name}
    names = [entry.object_name for entry in storage.list_objects(bucket, name)]
    return {key: PurePosixPath(key).relative_to(name).as_posix() for key in names}
