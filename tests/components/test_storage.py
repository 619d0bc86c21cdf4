"""Folders and documents on a real S3, and settings that are refused before anything is asked of it."""

import pytest

from components import storage
from components.settings import Settings


def settings(**said) -> Settings:
    known = {"s3_endpoint": "http://127.0.0.1:1", "s3_access_key": "key", "s3_secret_key": "secret"}
    return Settings(**known | said)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8333", "ftp://host", "http://", ""])
def test_an_endpoint_that_is_no_url_is_refused_by_its_variable(endpoint):
    with pytest.raises(ValueError, match="BROADFAST_S3_ENDPOINT is .*; give http://host:port or https://host"):
        storage.client(settings(s3_endpoint=endpoint))


@pytest.mark.parametrize("missing", ["s3_access_key", "s3_secret_key"])
def test_without_credentials_the_variables_are_named(missing):
    with pytest.raises(ValueError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        storage.client(settings(**{missing: ""}))


def test_no_secret_is_shown_when_settings_are():
    assert "hidden" not in repr(settings(s3_access_key="hidden", s3_secret_key="hidden", user_hash_secret="hidden"))


@pytest.mark.slow
def test_a_folder_comes_back_whole_with_its_subfolders(s3, tmp_path):
    (tmp_path / "here" / "encoder").mkdir(parents=True)
    (tmp_path / "here" / "model.onnx").write_bytes(b"\0weights")
    (tmp_path / "here" / "encoder" / "config.json").write_text("{}")
    assert storage.put_folder(tmp_path / "here", "storage/folder") == 2
    assert storage.get_folder("storage/folder", tmp_path / "back") == 2
    assert (tmp_path / "back" / "model.onnx").read_bytes() == b"\0weights"
    assert (tmp_path / "back" / "encoder" / "config.json").read_text() == "{}"


@pytest.mark.slow
def test_a_prefix_ends_where_its_name_does(s3, tmp_path):
    storage.put_bytes("storage/v1/a", b"1")
    storage.put_bytes("storage/v10/a", b"10")
    assert list(storage.names_below("storage/v1")) == ["storage/v1/a"]


@pytest.mark.slow
def test_a_prefix_that_holds_nothing_is_an_error(s3, tmp_path):
    with pytest.raises(FileNotFoundError, match="storage/none holds nothing"):
        storage.get_folder("storage/none", tmp_path)


@pytest.mark.slow
def test_a_document_comes_back_and_a_missing_one_is_none(s3):
    storage.put_json("storage/state.json", {"b": 1, "a": [None, "ü"]})
    assert storage.get_json("storage/state.json") == {"b": 1, "a": [None, "ü"]}
    assert storage.get_bytes("storage/state.json").index(b'"a"') < storage.get_bytes("storage/state.json").index(b'"b"')
    assert storage.get_json("storage/none.json") is None and storage.get_bytes("storage/none") is None


@pytest.mark.slow
def test_a_number_that_json_does_not_know_is_not_written(s3):
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.put_json("storage/nan.json", {"a": float("nan")})


@pytest.mark.slow
def test_making_the_bucket_twice_is_no_error(s3):
    storage.ensure_bucket()
    assert storage.client().bucket_exists(Settings().s3_bucket)
