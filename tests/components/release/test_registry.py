"""Packages and the desired state, on a real S3."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from components import package_manifest, storage
from components.release.registry import fetch, read_state, register, update_state
from components.settings import Settings

pytestmark = pytest.mark.slow


def test_a_registered_package_comes_back_whole(s3, package, tmp_path):
    version = register(package())
    assert version == package_manifest.version(fetch(version, tmp_path / "back"))


def test_registering_again_repairs_an_upload_that_was_cut_off(s3, package, tmp_path):
    version = register(package("cut"))
    storage.client().remove_object(Settings().s3_bucket, f"packages/{version}/model.onnx")
    assert register(package("cut")) == version
    assert (fetch(version, tmp_path / "back") / "model.onnx").read_text() == "cut"


def test_a_changed_package_is_not_registered(s3, package):
    folder = package("good")
    (folder / "model.onnx").write_text("bad")
    with pytest.raises(ValueError, match="was changed"):
        register(folder)


def test_before_the_first_release_the_state_is_empty(s3):
    assert read_state()["stable"] is None and read_state()["revision"] == 0


def test_every_change_is_a_revision_with_an_entry_in_the_history(s3):
    state = update_state(lambda state: state | {"stable": "v1"}, "first", version="v1")
    assert state == read_state()
    assert (state["revision"], state["history"][0]["what"], state["history"][0]["version"]) == (1, "first", "v1")


def test_a_change_that_changes_nothing_writes_nothing(s3):
    update_state(lambda state: state | {"stable": "v1"}, "first")
    assert update_state(lambda state: state | {"stable": "v1"}, "again")["revision"] == 1


def test_no_update_is_lost_when_four_write_at_once(s3):
    def add(number):
        return update_state(lambda state: state | {"traffic_percent": state["traffic_percent"] + 1}, f"by {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    assert (read_state()["traffic_percent"], read_state()["revision"], len(read_state()["history"])) == (12, 12, 12)
