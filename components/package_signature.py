"""The signature of a package, made and verified offline with an elliptic key: the bundle of OpenSSF Model Signing 1.0.

`model_signing verify key FOLDER --signature FOLDER/model.sig --public_key KEY` of that library takes it, too. The
signed statement holds the digest of every file, manifest.json's among them (in-toto in a DSSE envelope).
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from components import package_manifest
from components.package_manifest import SIGNATURE, file_digest
from components.settings import Settings

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"
CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}  # curve: hash
REMEDY = "sign it by `python -m components.packaging.sign`, or have it made anew by a night"


def sign_package(folder: str | Path, key_file: str | Path) -> None:
    """Sign a package that is whole.

    Raises:
        ValueError: the folder is not what its manifest says, or the key is no elliptic private key.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _load_key(key_file, is_private=True)
    folder = Path(folder)
    payload = json.dumps(_statement(folder.name, _digests(folder)), sort_keys=True).encode()
    signature = key.sign(_encode(payload), ec.ECDSA(_hash(key)))
    bundle = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": _fingerprint(key.public_key())}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": b64encode(payload).decode(),
            "payloadType": PAYLOAD,
            "signatures": [{"sig": b64encode(signature).decode(), "keyid": ""}],
        },
    }
    (folder / SIGNATURE).write_text(json.dumps(bundle))


def sign_where_configured(folder: str | Path) -> None:
    """Sign a package with the settings' key, if they name one."""
    if key_file := Settings().signing_key_file:
        sign_package(folder, key_file)


def signature_problem(folder: str | Path, key_file: str | Path | None = None) -> str:
    """Return why a package's signature does not hold, "" where it does.

    Without a key, the settings' is taken; where they name none, no signature is asked for.
    """
    key_file = key_file or Settings().verification_key_file
    if not key_file:
        return ""
    path = Path(folder) / SIGNATURE
    if not path.is_file():
        return f"the package is not signed, and a key is configured ({key_file}): {REMEDY}"
    key = _load_key(key_file, is_private=False)
    try:
        statement = _read_statement(json.loads(path.read_text()), key)
        signed_digests = {entry["name"]: entry["digest"] for entry in statement["predicate"]["resources"]}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return f"the signature of the package is broken or another key's than {key_file}: {error!r}; {REMEDY}"
    if signed_digests != _digests(Path(folder)):
        return f"the package is not what was signed: {REMEDY}"
    return ""


def check_signature(folder: str | Path) -> None:
    """Demand a signature that holds, where the settings name a key.

    Raises:
        ValueError: it does not hold, or the key cannot be read; with the remedy.
    """
    if problem := signature_problem(folder):
        raise ValueError(f"{folder}: {problem}")


def _digests(folder: Path) -> dict[str, str]:
    manifest = package_manifest.verify(folder)
    return dict(manifest) | {package_manifest.NAME: file_digest(folder / package_manifest.NAME)}


def _statement(name: str, digests: Mapping[str, str]) -> dict:
    resources = [{"name": file, "algorithm": "sha256", "digest": digests[file]} for file in sorted(digests)]
    root = hashlib.sha256(b"".join(bytes.fromhex(entry["digest"]) for entry in resources)).hexdigest()
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE]}
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }


def _read_statement(bundle: Mapping, key) -> dict:
    """Return the statement of a bundle that this key has signed.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it has another form, or the signature is another key's.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    envelope = bundle["dsseEnvelope"]
    payload = b64decode(envelope["payload"], validate=True)
    signature = b64decode(envelope["signatures"][0]["sig"], validate=True)
    try:
        key.verify(signature, _encode(payload), ec.ECDSA(_hash(key)))
    except InvalidSignature:
        raise ValueError("no signature of this key") from None
    statement = json.loads(payload)
    if (envelope["payloadType"], statement["_type"], statement["predicateType"]) != (PAYLOAD, STATEMENT, PREDICATE):
        raise ValueError(f"a statement of another kind: {statement['predicateType']}")
    return statement


def _encode(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding."""
    return f"DSSEv1 {len(PAYLOAD)} {PAYLOAD} {len(payload)} ".encode() + payload


def _load_key(path: str | Path, is_private: bool):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    kind = "private" if is_private else "public"
    try:
        content = Path(path).read_bytes()
        if is_private:
            key = serialization.load_pem_private_key(content, None)
        else:
            key = serialization.load_pem_public_key(content)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path} is no {kind} key in PEM without a password: {error}") from None
    if not isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)) or key.curve.name not in CURVES:
        raise ValueError(f"{path} is no elliptic key: make one by `openssl ecparam -name prime256v1 -genkey -noout`")
    return key


def _hash(key):
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, CURVES[key.curve.name])()


def _fingerprint(public_key) -> str:
    from cryptography.hazmat.primitives import serialization

    pem = public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()
