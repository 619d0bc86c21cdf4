"""Fetches the logs that the features count, from S3: the days of the longest window, no more."""

from datetime import datetime, timedelta
from pathlib import Path

from components import storage

DAYS = 30


def fetch_logs(prefix: str, as_of: datetime, folder: str | Path) -> Path | None:
    """Download the last days of exposures and outcomes into `folder`; None when there are none (the first night)."""
    found = 0
    for table in ("exposures", "outcomes"):
        for day in (as_of - timedelta(days=back) for back in range(DAYS + 1)):
            part = f"{table}/date={day:%Y-%m-%d}"
            if any(True for _ in storage.list_names(f"{prefix.rstrip('/')}/{part}")):
                found += storage.get_folder(f"{prefix.rstrip('/')}/{part}", Path(folder, part))
    return Path(folder) if found else None
