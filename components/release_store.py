"""The release's state as one JSON document on S3.

A write succeeds only upon the revision that was read, so no update is lost.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from components import storage
from components.release_state import HistoryEntry, ReleaseState, changes
from components.settings import Settings

STATE = "release/state.json"
NIGHTS = "release/nights"  # one object for each night whose gate has spoken
COMPARISONS = "comparisons"  # a folder for each night: what people compare
NOT_RECORDED = {"metrics": {}, "used": {}, "gains": {}, "usd": None, "reasons": []}  # by nights of earlier builds
COMPARED_PAIRS = "pairs.parquet"
COMPARED_RATIONALES = "rationales.parquet"
ATTEMPTS = 20


def read_state() -> ReleaseState:
    """Read the desired state, an empty one before the first release.

    Raises:
        ValueError: the document is there and empty.
    """
    return _read()[0]


def update_state(change: Callable[[ReleaseState], ReleaseState], what: str, **facts) -> ReleaseState:
    """Apply `change` to the state and add one entry to its history.

    A change that changes nothing writes nothing.

    Raises:
        RuntimeError: others kept writing in between; run the step again.
    """
    entry = None
    for _ in range(ATTEMPTS):
        before, etag = _read()
        if entry in before.history:  # the last try was written, and its answer was lost
            return before
        after = change(before)
        if after == before:
            return before
        after = replace(after, revision=before.revision + 1)
        entry = HistoryEntry(datetime.now(UTC).isoformat(timespec="milliseconds"), what, facts, changes(before, after))
        after = replace(after, history=(*before.history, entry))
        if _write(after, etag):
            return after
    raise RuntimeError(f"{STATE} was changed by others {ATTEMPTS} times while this step tried to: {what}")


def newest_nights() -> Iterator[tuple[str, dict]]:
    """Yield the nights whose gate has spoken with their objects' names, newest first.

    Each is read when it is asked for, and has what nights of earlier builds did not record, empty.
    """
    for name in sorted(storage.list_names(NIGHTS), reverse=True):
        if night := storage.get_json(name):
            yield name, NOT_RECORDED | night


def read_nights() -> dict[str, dict]:
    """Return all nights by the names of their objects, oldest first."""
    return dict(reversed(list(newest_nights())))


def _read() -> tuple[ReleaseState, str]:
    content, etag = storage.get_with_etag(STATE)
    if content == b"":
        raise ValueError(
            f"s3://{Settings().s3_bucket}/{STATE} is empty, so which version serves is not known: bring back "
            "an earlier version of the object, or remove it to begin without a release"
        )
    return ReleaseState.from_json(json.loads(content or b"{}")), etag


def _write(state: ReleaseState, etag: str) -> bool:
    content = json.dumps(state.to_json(), indent=1, sort_keys=True, allow_nan=False).encode()
    return storage.replace_bytes(STATE, content, etag) if etag else storage.create_bytes(STATE, content)
