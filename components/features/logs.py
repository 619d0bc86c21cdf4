"""The logs that the features count, fetched from S3: the days of the longest window."""

from datetime import datetime, timedelta
from pathlib import Path

from components import storage

DAYS = 30


def fetch_logs(prefix: str, as_of: datetime, folder: str | Path) -> Path | None:
    """Download the last days of exposures and outcomes into `folder`.

    Returns the folder, or None on the first night, when there are no logs.
    """
    root = prefix.rstrip("/")
    file_count = 0
    for table in ("exposures", "outcomes"):
        for days_back in range(DAYS + 1):
            day = f"{table}/date={as_of - timedelta(days=days_back):%Y-%m-%d}"
            if any(True for _ in storage.list_names(f"{root}/{day}")):
                file_count += storage.get_folder(f"{root}/{day}", Path(folder, day))
    return Path(folder) if file_count else None
