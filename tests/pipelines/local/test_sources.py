"""Where judgements lie is made of their content, and when features are as of is made of the logs."""

from datetime import UTC, datetime, timedelta

import pytest

from components import storage
from components.settings import Settings
from pipelines.local import sources
from pipelines.profiles import Marketplace

SEEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def source(folder, content: str = "query,title,label\n"):
    folder.mkdir(exist_ok=True)
    (folder / "judgements.csv").write_text(content)
    return folder / "judgements.csv"


def test_the_marketplace_is_generated_once_for_each_size(tmp_path):
    size = Marketplace(items=60, queries=10)
    folder = sources.marketplace(size, tmp_path)
    written = (folder / "truth.parquet").stat().st_mtime_ns
    assert folder.name == "marketplace-60-10-7" and (folder / "judgements.parquet").exists()
    assert sources.marketplace(size, tmp_path) == folder and (folder / "truth.parquet").stat().st_mtime_ns == written


def test_an_empty_folder_is_no_source(tmp_path):
    with pytest.raises(ValueError, match="is an empty folder"):
        sources.publish(tmp_path)


@pytest.mark.slow
def test_the_same_content_lies_at_the_same_place_and_was_first_seen_once(s3, tmp_path):
    address = sources.publish(source(tmp_path / "a"))
    seen = sources.seen(address)
    assert sources.publish(source(tmp_path / "b")) == address and sources.seen(address) == seen
    assert address.startswith("s3://broadfast/sources/") and seen <= sources.now()


@pytest.mark.slow
def test_other_content_lies_elsewhere(s3, tmp_path):
    assert sources.publish(source(tmp_path / "a")) != sources.publish(source(tmp_path / "a", "query\n"))


@pytest.mark.slow
def test_a_folder_is_published_with_all_its_files(s3, tmp_path):
    source(tmp_path / "esci")
    (tmp_path / "esci" / "products.csv").write_text("1")
    prefix = sources.publish(tmp_path / "esci").split("/", 3)[3]
    assert [name.rsplit("/", 1)[1] for name in storage.list_names(prefix)] == ["judgements.csv", "products.csv"]


@pytest.fixture
def no_logs(s3, named_s3):
    """An S3 on which nothing was ever shown."""
    for name in list(storage.list_names("logs/exposures")):
        storage.client().remove_object(Settings().s3_bucket, name)


@pytest.mark.slow
def test_without_logs_features_are_as_of_the_source(no_logs):
    assert sources.features_time(SEEN) == sources.features_time(SEEN) == SEEN + timedelta(seconds=1)


@pytest.mark.slow
def test_logs_of_a_closed_day_make_features_as_of_the_last_midnight(no_logs):
    storage.put_bytes("logs/exposures/date=2026-01-05/hour=09/a.parquet", b"")
    midnight = sources.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert sources.features_time(SEEN) == midnight
    assert sources.features_time(midnight + timedelta(hours=1)) == midnight + timedelta(hours=1)


@pytest.mark.slow
def test_logs_of_today_alone_change_nothing_yet(no_logs):
    storage.put_bytes(f"logs/exposures/date={sources.now():%Y-%m-%d}/hour=00/a.parquet", b"")
    assert sources.features_time(SEEN) == SEEN + timedelta(seconds=1)
