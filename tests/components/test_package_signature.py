"""A signed package: what holds, what does not, and that OpenSSF's own library agrees."""

import json
import subprocess
import sys
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from components import package_manifest
from components.package_manifest import SIGNATURE
from components.package_signature import check_signature, sign_package, sign_where_configured, signature_problem
from testing.tiny_package import write_files

PEM = serialization.Encoding.PEM
PKCS8 = (PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture
def keys(tmp_path):
    """Return a function that makes a pair of keys."""

    def make(name="ours", key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        private, public = (tmp_path / f"{name}.{kind}.pem" for kind in ("private", "public"))
        private.write_bytes(key.private_bytes(*PKCS8))
        public.write_bytes(key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        return private, public

    return make


@pytest.fixture
def package(tmp_path):
    return write_files(tmp_path / "package")


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_a_signature_holds_with_its_key(package, keys, curve):
    private, public = keys(key=ec.generate_private_key(curve))
    version = package_manifest.version(package)
    sign_package(package, private)
    assert signature_problem(package, public) == ""
    assert package_manifest.version(package) == version and SIGNATURE not in package_manifest.verify(package)


def test_another_key_is_refused(package, keys):
    sign_package(package, keys()[0])
    assert "another key's than" in signature_problem(package, keys("theirs")[1])


def test_a_changed_file_is_refused(package, keys):
    private, public = keys()
    sign_package(package, private)
    signature = (package / SIGNATURE).read_bytes()
    (package / "model.onnx").write_bytes(b"other weights")
    package_manifest.write(package)
    assert "is not signed, and a key is configured" in signature_problem(package, public)
    (package / SIGNATURE).write_bytes(signature)
    assert "the package is not what was signed" in signature_problem(package, public)


def test_a_changed_statement_is_refused(package, keys):
    private, public = keys()
    sign_package(package, private)
    bundle = json.loads((package / SIGNATURE).read_text())
    payload = b64decode(bundle["dsseEnvelope"]["payload"]).replace(b'"model.onnx"', b'"other.onnx"')
    bundle["dsseEnvelope"]["payload"] = b64encode(payload).decode()
    (package / SIGNATURE).write_text(json.dumps(bundle))
    assert "no signature of this key" in signature_problem(package, public)
    for broken in ("", "{}", "[]", '{"dsseEnvelope": {"payload": "?", "signatures": []}}'):
        (package / SIGNATURE).write_text(broken)
        assert "is broken" in signature_problem(package, public)


def test_settings_say_whether_to_sign(package, keys, monkeypatch):
    private, public = keys()
    sign_where_configured(package)
    assert not (package / SIGNATURE).exists()
    check_signature(package)
    monkeypatch.setenv("BROADFAST_VERIFICATION_KEY_FILE", str(public))
    with pytest.raises(ValueError, match="is not signed, and a key is configured"):
        check_signature(package)
    monkeypatch.setenv("BROADFAST_SIGNING_KEY_FILE", str(private))
    sign_where_configured(package)
    check_signature(package)


def test_a_key_of_another_kind_is_refused(package, keys, tmp_path):
    with pytest.raises(ValueError, match="is no elliptic key: make one by `openssl ecparam"):
        sign_package(package, keys("edwards", ed25519.Ed25519PrivateKey.generate())[0])
    with pytest.raises(ValueError, match="is no private key in PEM without a password"):
        sign_package(package, tmp_path / "none.pem")


def run_library(*words):
    """Run OpenSSF's command, where it is installed: `pip install model-signing pyOpenSSL`."""
    pytest.importorskip("model_signing", reason="model-signing is not installed")
    result = subprocess.run([sys.executable, "-m", "model_signing", *map(str, words)], capture_output=True, text=True)
    return result.stdout + result.stderr


def test_the_library_takes_our_signature(package, keys):
    private, public = keys()
    sign_package(package, private)
    words = ("verify", "key", package, "--signature", package / SIGNATURE, "--public_key")
    assert "Verification succeeded" in run_library(*words, public)
    assert "Verification failed" in run_library(*words, keys("theirs")[1])
    (package / "model.onnx").write_bytes(b"other weights")
    assert "Verification failed" in run_library(*words, public)


def test_a_signature_of_the_library_holds(package, keys):
    private, public = keys()
    run_library("sign", "key", package, "--signature", package / SIGNATURE, "--private_key", private)
    assert signature_problem(package, public) == ""
