"""What a run's folder gives back at its end: copies of large files, and the bytes of objects that were removed."""

import random
from dataclasses import replace

import pytest

from components import storage
from components.waiting import wait_until
from pipelines.local.disk_use import LARGE, link_equal_files, vacuum


def test_equal_large_files_become_one(tmp_path):
    contents = {"kfp/a/model": b"1" * LARGE, "kfp/b/model": b"2" * LARGE, "packages/v1/model": b"1" * LARGE}
    for name, content in {**contents, "packages/small": b"1", "kfp/small": b"1"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert link_equal_files(tmp_path / "kfp", tmp_path / "packages") == LARGE
    assert (tmp_path / "kfp/a/model").samefile(tmp_path / "packages/v1/model")
    assert all((tmp_path / name).read_bytes() == content for name, content in contents.items())
    assert not (tmp_path / "kfp/small").samefile(tmp_path / "packages/small")
    assert link_equal_files(tmp_path / "kfp", tmp_path / "packages") == 0


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    assert link_equal_files(tmp_path / "none") == 0


def size(s3):
    return sum(path.stat().st_size for path in (s3.home / "s3" / "data").glob("*.dat"))


def size_after_vacuum(s3):
    assert vacuum(s3.s3) == ""
    return size(s3)


@pytest.mark.slow
def test_the_bytes_of_removed_objects_come_back(s3):
    before = size_after_vacuum(s3)
    for number in range(20):
        storage.put_bytes(f"disk-use/{number}", random.randbytes(LARGE))
    assert wait_until(lambda: size(s3), lambda now: now > before + 19 * LARGE, 30) > before + 19 * LARGE
    storage.remove_folder("disk-use")
    assert wait_until(lambda: size_after_vacuum(s3), lambda now: now < before + 5 * LARGE, 60) < before + 5 * LARGE


@pytest.mark.slow
def test_a_vacuum_that_fails_is_said(s3):
    assert "S3 did not give back the bytes" in vacuum(replace(s3.s3, master="http://127.0.0.1:1"))
