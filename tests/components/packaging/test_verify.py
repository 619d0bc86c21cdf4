"""The command that verifies a package."""

import json
import shutil
import subprocess
import sys

import pytest

from components import package_manifest
from components.packaging.verify import main
from testing.tiny_package import copy_package, write_package


@pytest.fixture
def package(tmp_path):
    write_package(tmp_path / "package")
    return tmp_path / "package"


def test_a_whole_package_is_named_with_its_graph(package, capsys):
    assert main([str(package)]) == 0
    version = package_manifest.version(package)
    assert capsys.readouterr().out == f"{version}: 5 files as the manifest says; serves model.onnx\n"


def test_a_changed_file_is_named(package, capsys):
    (package / "config.json").write_text("{}")
    assert main([str(package)]) == 1
    assert capsys.readouterr().err.endswith("config.json was changed: its sha256 is not the manifest's\n")


def test_another_format_is_refused(package, tmp_path, capsys):
    folder = copy_package(package, tmp_path / "older", format=4)
    assert main([str(folder)]) == 1
    assert "is a package of format 4; this release reads 6, 7" in capsys.readouterr().err


def test_a_missing_signature_is_named(package, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BROADFAST_VERIFICATION_KEY_FILE", str(tmp_path / "public.pem"))
    assert main([str(package)]) == 1
    assert "the package is not signed, and a key is configured" in capsys.readouterr().err


def test_a_missing_key_is_named(package, capsys):
    config = json.loads((package / "config.json").read_text())
    del config["served"], config["temperature"]
    (package / "config.json").write_text(json.dumps(config))
    package_manifest.write(package)
    assert main([str(package)]) == 1
    assert "config.json does not say served, temperature" in capsys.readouterr().err


def test_the_help_describes_the_argument(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "of a package, with its manifest.json" in capsys.readouterr().out


def test_a_folder_without_a_manifest_is_refused(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "has no manifest.json: it is not a package, or was not finished" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_runs_as_a_module(cross_encoder_package, tmp_path):
    folder = shutil.copytree(cross_encoder_package[0], tmp_path / "package")
    command = [sys.executable, "-m", "components.packaging.verify", str(folder)]
    completed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert completed.stdout.startswith(f"{cross_encoder_package[1]['version']}: 10 files as the manifest says")
