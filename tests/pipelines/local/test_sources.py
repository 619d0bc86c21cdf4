"""Where judgements lie is made of their content, and when features are as of is made of the logs."""

from datetime import UTC, datetime, timedelta

import pytest

from components import storage
from pipelines.local import sources
from pipelines.profile import Marketplace

SEEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def source(folder, content: str = "query,title,label\n"):
    folder.mkdir(exist_ok=True)
    (folder / "judgements.csv").write_text(content)
    return folder / "judgements.csv"


def test_the_marketplace_is_generated_once_for_each_size(tmp_path):
    size = Marketplace(items=60, queries=10)
    folder = sources.generate_marketplace(size, tmp_path)
    modified_ns = (folder / "truth.parquet").stat().st_mtime_ns
    assert folder.name == "marketplace-60-10-7" and (folder / "judgements.parquet").exists()
    assert sources.generate_marketplace(size, tmp_path) == folder
    assert (folder / "truth.parquet").stat().st_mtime_ns == modified_ns


def test_an_empty_folder_is_no_source(tmp_path):
    with pytest.raises(ValueError, match="is an empty folder"):
        sources.publish_file(tmp_path, "--judgements")


@pytest.mark.slow
def test_same_content_is_published_once(s3, tmp_path):
    address = sources.publish_file(source(tmp_path / "a"), "--judgements")
    publication_time = sources.read_publication_time(address)
    assert sources.publish_file(source(tmp_path / "b"), "--judgements") == address
    assert sources.read_publication_time(address) == publication_time
    assert address.startswith("s3://broadfast/sources/") and publication_time <= sources.now()


@pytest.mark.slow
def test_other_content_lies_elsewhere(s3, tmp_path):
    address = sources.publish_file(source(tmp_path / "a"), "--judgements")
    assert address != sources.publish_file(source(tmp_path / "a", "query\n"), "--judgements")


@pytest.mark.slow
def test_a_folder_is_published_with_all_its_files(s3, tmp_path):
    source(tmp_path / "esci")
    (tmp_path / "esci" / "products.csv").write_text("1")
    prefix = sources.publish_file(tmp_path / "esci", "--judgements").split("/", 3)[3]
    assert [name.rsplit("/", 1)[1] for name in storage.list_names(prefix)] == ["judgements.csv", "products.csv"]


@pytest.mark.slow
def test_files_of_one_name_are_all_published(s3, tmp_path):
    source(tmp_path)
    source(tmp_path / "older", "query,title,grade\n")
    prefix = sources.publish_file(tmp_path, "--judgements").split("/", 3)[3]
    names = [name.removeprefix(f"{prefix}/") for name in storage.list_names(f"{prefix}/")]
    assert names == ["judgements.csv", "older/judgements.csv"]


@pytest.fixture
def no_logs(s3, named_s3):
    """Remove the logs of exposures on S3, before and after."""
    storage.remove_folder("logs/exposures")
    yield
    storage.remove_folder("logs/exposures")


@pytest.mark.slow
def test_without_logs_features_are_as_of_the_source(no_logs):
    assert sources.choose_features_time(SEEN) == sources.choose_features_time(SEEN) == SEEN + timedelta(seconds=1)


@pytest.mark.slow
def test_logs_of_yesterday_move_features_to_midnight(no_logs):
    storage.put_bytes("logs/exposures/date=2026-01-05/hour=09/a.parquet", b"")
    midnight = sources.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert sources.choose_features_time(SEEN) == midnight
    assert sources.choose_features_time(midnight + timedelta(hours=1)) == midnight + timedelta(hours=1)


@pytest.mark.slow
def test_logs_of_today_alone_change_nothing_yet(no_logs):
    storage.put_bytes(f"logs/exposures/date={sources.now():%Y-%m-%d}/hour=00/a.parquet", b"")
    assert sources.choose_features_time(SEEN) == SEEN + timedelta(seconds=1)
