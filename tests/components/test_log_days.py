"""The logs that the features count are fetched by day, and may not be there yet."""

from datetime import timedelta

import pytest

from components import storage
from components.log_days import fetch_logs
from tests.components.features.conftest import AS_OF

pytestmark = pytest.mark.slow  # starts S3


def test_the_first_night_finds_no_logs(s3, tmp_path):
    assert fetch_logs("logs-of-nobody", AS_OF, tmp_path / "logs") is None


def test_only_days_of_the_window_are_fetched(s3, tmp_path):
    for days in (0, 30, 31):
        day = AS_OF - timedelta(days=days)
        storage.put_bytes(f"some-logs/exposures/date={day:%Y-%m-%d}/hour=01/x.parquet", b"rows")
    folder = fetch_logs("some-logs", AS_OF, tmp_path / "logs")
    assert len(list(folder.rglob("*.parquet"))) == 2
