"""Packages and the desired state on S3: which version is stable, which is candidate, how traffic is split.

The state has one document and a revision; a write succeeds only upon the revision that was read, so none is lost.
"""

import copy
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from minio.error import S3Error

from components import package_manifest, storage
from components.settings import Settings

STATE = "release/state.json"
EMPTY = {
    "stable": None,
    "candidate": None,
    "queued": None,  # the newest released version that waits for the running experiment's end
    "traffic_percent": 0,
    "experiment": None,
    "intent": None,  # what is being moved right now
    "corrections": 0,  # how often traffic was found to be other than this document says
    "revision": 0,
    "history": [],
}
ATTEMPTS = 20
PRECONDITION_FAILED = (409, 412)


def register(package: str | Path) -> str:
    """Upload a package under its version, unless it is there whole already; returns the version.

    Raises:
        ValueError: the folder is not what its manifest says.
    """
    manifest = package_manifest.verify(package)
    version = package_manifest.version(package)
    prefix = f"packages/{version}"
    if set(storage.list_names(prefix)) != {f"{prefix}/{name}" for name in (*manifest, package_manifest.NAME)}:
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


def read_state() -> dict:
    """The desired state; an empty one before the first release."""
    return _read()[0]


def update_state(change: Callable[[dict], dict], what: str, **facts) -> dict:
    """Apply `change` to the state and add one entry to its history; a change that changes nothing writes nothing.

    Raises:
        RuntimeError: others kept writing in between.
    """
    for _ in range(ATTEMPTS):
        before, etag = _read()
        after = change(copy.deepcopy(before))
        if after == before:
            return before
        after["revision"] = before["revision"] + 1
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what, **facts}
        entry["changed"] = {name: value for name, value in after.items() if before[name] != value}
        after["history"] = [*before["history"], entry]
        if _write(after, etag):
            return after
    raise RuntimeError(f"{STATE} was changed by others {ATTEMPTS} times while this step tried to: {what}")


def replayed(history: Sequence[Mapping]) -> dict:
    """The state that a history leads to; it is the state that holds the history."""
    state = copy.deepcopy(EMPTY)
    for entry in history:
        state |= entry["changed"]
    return state | {"history": list(history)}


def _read() -> tuple[dict, str]:
    try:
        response = storage.client().get_object(Settings().s3_bucket, STATE)
    except S3Error as error:
        if error.code in storage.MISSING:
            return copy.deepcopy(EMPTY), ""
        raise
    try:
        return EMPTY | json.loads(response.read()), response.headers["etag"]
    finally:
        response.close()
        response.release_conn()


def _write(state: dict, etag: str) -> bool:
    """Put the document only where the one that was read still stands; the client has no such put, a signed URL has."""
    condition = {"If-Match": etag} if etag else {"If-None-Match": "*"}
    url = storage.client().presigned_put_object(Settings().s3_bucket, STATE)
    content = json.dumps(state, indent=1, sort_keys=True, allow_nan=False).encode()
    try:
        urllib.request.urlopen(urllib.request.Request(url, content, condition, method="PUT"), timeout=30).close()
    except urllib.error.HTTPError as error:
        if error.code in PRECONDITION_FAILED:
            return False
        raise
    return True
