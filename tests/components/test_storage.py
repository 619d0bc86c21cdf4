"""Folders and documents on a real S3, and settings that are refused before anything is asked of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from components import storage
from components.rationales.engine import Completion
from components.rationales.store import Store
from components.settings import Settings
from testing.faulty_s3 import faulty, silent
from testing.servers import environment


def settings(**said) -> Settings:
    known = {"s3_endpoint": "http://127.0.0.1:1", "s3_access_key": "key", "s3_secret_key": "secret"}
    return Settings(**known | said)


def replace(name: str, content: bytes) -> None:
    storage.replace_bytes(name, content, storage.get_with_etag(name)[1])


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8333", "ftp://host", "http://", ""])
def test_a_wrong_endpoint_names_its_variable(endpoint):
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
    assert list(storage.list_names("storage/v1")) == ["storage/v1/a"]


@pytest.mark.slow
def test_no_prefix_lists_the_whole_bucket(s3):
    storage.put_bytes("storage/listed/a", b"1")
    assert "storage/listed/a" in storage.list_names("")


@pytest.mark.slow
def test_a_prefix_that_holds_nothing_is_an_error(s3, tmp_path):
    with pytest.raises(FileNotFoundError, match="storage/none holds nothing"):
        storage.get_folder("storage/none", tmp_path)


@pytest.mark.slow
def test_a_missing_document_is_none(s3):
    storage.put_json("storage/state.json", {"b": 1, "a": [None, "ü"]})
    assert storage.get_json("storage/state.json") == {"b": 1, "a": [None, "ü"]}
    assert storage.get_bytes("storage/state.json").index(b'"a"') < storage.get_bytes("storage/state.json").index(b'"b"')
    assert storage.get_json("storage/none.json") is None and storage.get_bytes("storage/none") is None


@pytest.mark.slow
def test_a_number_that_json_lacks_is_refused(s3):
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.put_json("storage/nan.json", {"a": float("nan")})


@pytest.mark.slow
def test_making_the_bucket_twice_is_no_error(s3):
    storage.ensure_bucket()
    assert storage.client().bucket_exists(Settings().s3_bucket)


@pytest.mark.slow
def test_of_several_writers_of_one_name_one_succeeds(s3):
    with ThreadPoolExecutor(6) as pool:
        written = list(pool.map(lambda n: storage.create_bytes("storage/once", b"%d" % n), range(6)))
    assert written.count(True) == 1
    assert storage.get_bytes("storage/once") == b"%d" % written.index(True)


@pytest.mark.slow
def test_an_s3_that_fails_twice_is_asked_again(s3):
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], "before", "before"):
        assert storage.create_bytes("storage/late", b"1")
        assert storage.get_bytes("storage/late") == b"1"


@pytest.mark.slow
def test_a_denied_write_is_recognised_as_done(s3):
    answer = Completion("told", 3, 2, "stop", None)
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], "after"):
        store = Store("storage/denied")
        store.add({"k1": answer})
    assert store.completions == Store("storage/denied").completions == {"k1": answer}
    assert list(storage.list_names("storage/denied")) == ["storage/denied/000000.parquet"]


@pytest.mark.slow
def test_a_failing_s3_gets_a_sentence_without_secrets(s3):
    said = "S3 gives no good answer to PUT [0-9.:]+/broadfast/storage/never: too many 500 error responses$"
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], *["before"] * 6), pytest.raises(ConnectionError, match=said):
        storage.create_bytes("storage/never", b"1")


@pytest.mark.slow
@pytest.mark.parametrize("write", [storage.put_bytes, replace])
def test_a_writer_that_dies_leaves_the_old_content(s3, write):
    storage.put_bytes("storage/state", b"old")
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], *["dead writer"] * 6), pytest.raises(ConnectionError):
        write("storage/state", b"new")
    assert storage.get_bytes("storage/state") == b"old"


@pytest.mark.slow
def test_a_first_writer_that_dies_leaves_nothing(s3):
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], *["dead writer"] * 6), pytest.raises(ConnectionError):
        storage.create_bytes("storage/first", b"new")
    assert storage.get_bytes("storage/first") is None


@pytest.mark.slow
def test_an_s3_that_refuses_is_quoted(s3):
    said = pytest.raises(RuntimeError, match="S3 answers 403 to the conditional write of storage/never: no")
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], "refused"), said:
        storage.create_bytes("storage/never", b"1")


@pytest.mark.slow
def test_an_unconfirmed_write_is_recognised_as_done(s3):
    answer = Completion("told", 3, 2, "stop", None)
    with faulty(s3.environment["BROADFAST_S3_ENDPOINT"], "silent"):
        store = Store("storage/unconfirmed")
        store.add({"k1": answer})
    assert store.completions == Store("storage/unconfirmed").completions == {"k1": answer}
    assert list(storage.list_names("storage/unconfirmed")) == ["storage/unconfirmed/000000.parquet"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: storage.get_bytes("storage/any"),
        lambda: storage.put_bytes("storage/any", b"1"),
        lambda: storage.create_bytes("storage/any", b"1"),
        lambda: list(storage.list_names("storage")),
    ],
    ids=["get", "put", "create", "list"],
)
def test_a_silent_s3_is_given_up_by_name(ask):
    keys, said = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}, "S3 gives no good answer .*timed out"
    with silent(), environment(**keys, BROADFAST_S3_TIMEOUT_S="0.05"), pytest.raises(ConnectionError, match=said):
        ask()


def test_each_environment_has_one_client():
    assert storage.client(settings()) is storage.client(settings())
    assert storage.client(settings()) is not storage.client(settings(s3_timeout_s=1.0))


@pytest.mark.slow
def test_a_folder_is_removed_without_its_neighbour(s3):
    storage.put_bytes("storage/gone/a", b"1")
    storage.put_bytes("storage/gone/b/c", b"2")
    storage.put_bytes("storage/gone2/a", b"3")
    storage.remove_folder("storage/gone")
    assert not list(storage.list_names("storage/gone")) and storage.get_bytes("storage/gone2/a") == b"3"
    storage.remove_folder("storage/never-was")
