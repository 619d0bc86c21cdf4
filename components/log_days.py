"""The logs of the last days, fetched from S3."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import storage

DAYS = 30  # the longest window
TABLES = ("exposures", "outcomes")


def fetch_logs(prefix: str, as_of: datetime, folder: str | Path, tables: Iterable[str] = TABLES) -> Path | None:
    """Download the last days of some tables, exposures and outcomes by default, into `folder`.

    Returns the folder, or None on the first night, when there are no logs.
    """
    root = prefix.rstrip("/")
    file_count = 0
    for table in tables:
        for days_back in range(DAYS + 1):
            day = f"{table}/date={as_of - timedelta(days=days_back):%Y-%m-%d}"
            if any(True for _ in storage.list_names(f"{root}/{day}")):
                file_count += storage.get_folder(f"{root}/{day}", Path(folder, day))
    return Path(folder) if file_count else None


def parse_moment(text: str) -> datetime:
    """Return the moment that a step's `as_of` names: now, where it is "".

    Raises:
        ValueError: it is no ISO 8601 moment with a time zone.
    """
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"as_of is {text!r}; give an ISO 8601 moment, e.g. 2026-01-31T03:00:00+00:00") from error
    if moment.tzinfo is None:
        raise ValueError(f"as_of is {text!r}, without a time zone; give e.g. {text}+00:00")
    return moment
