"""Addresses on S3: a file or a folder, in the bucket that is named."""

import pytest

from components import storage
from components.s3_addresses import download, parse_address
from testing.servers import environment


def test_an_address_has_a_bucket_and_a_name():
    assert parse_address("s3://shop/judged/2026/pairs.parquet") == ("shop", "judged/2026/pairs.parquet")
    assert parse_address("s3://shop/judged/") == ("shop", "judged")
    assert parse_address("s3://shop/two%20words.csv") == ("shop", "two words.csv")
    assert parse_address("s3://shop/what?/list#1.csv") == ("shop", "what?/list#1.csv")


def test_without_a_bucket_it_is_the_platforms():
    with environment(BROADFAST_S3_BUCKET="mine"):
        assert parse_address("s3:///sources/judgements") == ("mine", "sources/judgements")


@pytest.mark.parametrize("address", ["s3://shop", "s3://shop/", "s3://"])
def test_a_whole_bucket_is_refused(address):
    with pytest.raises(ValueError, match="names a whole bucket: give s3://"):
        parse_address(address)


@pytest.fixture
def shop(s3):
    """Make another bucket with a file, a folder, and a file whose name continues the folder's."""
    if not storage.client().bucket_exists("shop"):
        storage.client().make_bucket("shop")
    with environment(BROADFAST_S3_BUCKET="shop"):
        for name in ("judged/pairs.csv", "judged/more/pairs.csv", "judged-before.csv"):
            storage.put_bytes(name, name.encode())


@pytest.mark.slow
def test_a_file_of_another_bucket_is_read(shop, tmp_path):
    assert download("s3://shop/judged/pairs.csv", tmp_path) == [tmp_path / "pairs.csv"]
    assert (tmp_path / "pairs.csv").read_bytes() == b"judged/pairs.csv"
    assert download("s3://shop/judged-before.csv", tmp_path) == [tmp_path / "judged-before.csv"]


@pytest.mark.slow
def test_a_folder_is_read_without_its_neighbours(shop, tmp_path):
    paths = {path.relative_to(tmp_path).as_posix() for path in download("s3://shop/judged", tmp_path)}
    assert paths == {"pairs.csv", "more/pairs.csv"}


@pytest.mark.slow
@pytest.mark.parametrize("address", ["s3://shop/judge", "s3://shop/judged/other.csv", "s3://nobodys/judged"])
def test_what_is_not_there_is_named(shop, tmp_path, address):
    with pytest.raises(FileNotFoundError, match=f"{address} does not exist: http://.* in the bucket"):
        download(address, tmp_path)
