"""Packages and the desired state, on a real S3."""

import pytest

from components import package_manifest, storage
from components.release.registry import fetch, register
from components.settings import Settings

pytestmark = pytest.mark.slow


def test_a_registered_package_comes_back_whole(s3, package, tmp_path):
    version = register(package())
    assert version == package_manifest.version(fetch(version, tmp_path / "back"))


def test_registering_again_repairs_an_interrupted_upload(s3, package, tmp_path):
    version = register(package("cut"))
    storage.client().remove_object(Settings().s3_bucket, f"packages/{version}/model.onnx")
    assert register(package("cut")) == version
    assert (fetch(version, tmp_path / "back") / "model.onnx").read_text() == "cut"


def test_a_changed_package_is_not_registered(s3, package):
    folder = package("good")
    (folder / "model.onnx").write_text("bad")
    with pytest.raises(ValueError, match="was changed"):
        register(folder)
