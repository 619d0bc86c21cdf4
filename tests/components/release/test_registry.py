"""Packages and the desired state, on a real S3."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from components import package_manifest, storage
from components.package_signature import signature_problem
from components.packaging import sign
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


def test_an_unsigned_package_is_not_registered(s3, package, tmp_path, monkeypatch):
    monkeypatch.setenv("BROADFAST_VERIFICATION_KEY_FILE", str(tmp_path / "public.pem"))
    with pytest.raises(ValueError, match="the package is not signed"):
        register(package("unsigned"))
    assert not list(storage.list_names(f"packages/{package_manifest.version(package('unsigned'))}"))


def test_a_registered_package_is_signed_later(s3, package, tmp_path, capsys):
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    version = register(package("later"))
    assert sign.main([version, "--key", str(private)]) == 0
    assert capsys.readouterr().out == f"{version}: signed\n"
    folder = fetch(version, tmp_path / "back")
    assert signature_problem(folder, public) == ""
    assert register(folder) == version
    assert sign.main(["unheard-of", "--key", str(private)]) == 1
    assert "unheard-of holds nothing" in capsys.readouterr().err
