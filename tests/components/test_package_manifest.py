"""A package's manifest: the same content has the same name, and any other content is noticed."""

import stat

import pytest

from components import package_manifest
from testing.tiny_package import write_files


@pytest.fixture
def package(tmp_path):
    return write_files(tmp_path / "package")


def test_the_manifest_names_every_file_below_the_folder(package):
    assert list(package_manifest.verify(package)) == ["encoder/config.json", "model.onnx"]


def test_the_version_depends_on_the_content_alone(package):
    version = package_manifest.version(package)
    assert version.startswith("student-") and len(version) == len("student-") + 12
    assert package_manifest.write(package) == version
    (package / "model.onnx").write_bytes(b"other weights")
    assert package_manifest.write(package) != version


def test_everybody_may_read_a_packages_files(package):
    for mode in (0o600, 0o640):
        (package / "model.onnx").chmod(mode)
        package_manifest.write(package)
        assert stat.filemode((package / "model.onnx").stat().st_mode) == "-rw-r--r--"


@pytest.mark.parametrize("name", ["model.onnx", "encoder/config.json"])
def test_a_changed_file_is_named(package, name):
    (package / name).write_bytes(b"changed")
    with pytest.raises(ValueError, match=f"{name} was changed: its sha256 is not the manifest's"):
        package_manifest.verify(package)


def test_missing_and_extra_files_are_named(package):
    (package / "model.onnx").rename(package / "extra.onnx")
    with pytest.raises(ValueError, match=r"differ from the manifest: \['extra.onnx', 'model.onnx'\]"):
        package_manifest.verify(package)


def test_a_folder_without_a_manifest_is_no_package(tmp_path):
    with pytest.raises(ValueError, match="has no manifest.json: it is not a package, or was not finished"):
        package_manifest.verify(tmp_path)


def test_a_manifest_that_is_no_json_is_refused(package):
    (package / "manifest.json").write_text("{broken")
    with pytest.raises(ValueError, match=r"manifest.json was changed: it is not JSON"):
        package_manifest.verify(package)


@pytest.mark.parametrize("name", ["model.pkl", "encoder/weights.bin", "encoder/modeling.py", "pickle"])
def test_a_planted_pickle_is_refused(package, name):
    (package / name).write_bytes(b"\x80\x04N.")
    package_manifest.write(package)
    with pytest.raises(ValueError, match=rf"\['{name}'\] is no data: a package holds"):
        package_manifest.verify(package)
