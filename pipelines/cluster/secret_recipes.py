"""How each of the platform's secrets is made: what is random, what is asked for, what follows from another."""

import json
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

Asker = Callable[..., str]  # (variable, question, default): a value from the environment or a person
IDENTITIES = "broadfast-seaweedfs"
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
S3_ROLES = {  # secret: its identity in our own S3, and what that may do
    "broadfast-s3": ("pipelines", ["Admin"]),
    "broadfast-models": ("models", ["Read:{bucket}", "List:{bucket}"]),
    "broadfast-logs": ("logs", ["Write:{bucket}/logs/*", "Read:{bucket}/logs/*", "List:{bucket}/logs/*"]),
    "broadfast-workbench": (
        "workbench",
        ["Read:{bucket}", "List:{bucket}", "Write:{bucket}/judgements/*", "Write:{bucket}/release/*"],
    ),
}
DAYS = 365  # of a certificate that we sign ourselves


@dataclass(frozen=True)
class SecretContent:
    """A secret's values, type and annotations, and what to say of it."""

    values: dict[str, str]
    sentence: str
    kind: str = "Opaque"
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SecretPlan:
    """What an overlay says, and the values of the secrets that are there."""

    settings: dict[str, str]
    hostnames: list[str]
    names: set[str]  # of the secrets that its objects name
    values: dict[str, dict[str, str]]

    @property
    def has_own_s3(self) -> bool:
        """Return True where the overlay brings an S3, whose keys we make."""
        return IDENTITIES in self.names


def make_user_hash(plan: SecretPlan, ask: Asker) -> SecretContent:
    """Make what users are hashed with."""
    return SecretContent({"BROADFAST_USER_HASH_SECRET": secrets.token_hex(32)}, "made, random; never change it")


def make_redis(plan: SecretPlan, ask: Asker) -> SecretContent:
    """Make the password of our Redis."""
    return SecretContent({"password": secrets.token_hex(32)}, "made, random")


def make_feature_store(plan: SecretPlan, ask: Asker) -> SecretContent:
    """Make the addresses of Redis, whose password is made, and of Feast's registry."""
    registry = ask(
        "BROADFAST_FEATURE_REGISTRY",
        "Feast's registry in Postgres, as postgresql+psycopg://feast:PASSWORD@HOST:5432/feast",
    )
    address = f"redis:6379,password={plan.values['broadfast-redis']['password']}"
    values = {"BROADFAST_REDIS": address, "BROADFAST_FEATURE_REGISTRY": registry}
    return SecretContent(values, "made, of Redis' password and the registry's address")


def s3_recipe(name: str) -> Callable[[SecretPlan, Asker], SecretContent]:
    """Return the recipe of one of the pairs of S3 keys."""

    def make_keys(plan: SecretPlan, ask: Asker) -> SecretContent:
        identity, _ = S3_ROLES[name]
        annotations = describe_endpoint(plan.settings) if name == "broadfast-models" else {}
        if plan.has_own_s3:
            values = dict(zip(S3_KEYS, (identity, secrets.token_hex(20)), strict=True))
            return SecretContent(values, "made, random", annotations=annotations)
        prefix = name.upper().replace("-", "_")
        questions = (f"S3 access key of {name} ({describe_role(name, plan)})", f"S3 secret key of {name}")
        answers = [ask(f"{prefix}_{key}", question) for key, question in zip(S3_KEYS, questions, strict=True)]
        return SecretContent(dict(zip(S3_KEYS, answers, strict=True)), "made, as given", annotations=annotations)

    return make_keys


def describe_role(name: str, plan: SecretPlan) -> str:
    """Return what a pair of keys has to be allowed."""
    _, actions = S3_ROLES[name]
    return ", ".join(action.format(bucket=plan.settings["BROADFAST_S3_BUCKET"]) for action in actions)


def describe_endpoint(settings: dict[str, str]) -> dict[str, str]:
    """Return the annotations that tell KServe where S3 is."""
    url = urlsplit(settings["BROADFAST_S3_ENDPOINT"])
    return {
        "serving.kserve.io/s3-endpoint": url.netloc,
        "serving.kserve.io/s3-usehttps": str(int(url.scheme == "https")),
    }


def make_identities(plan: SecretPlan, ask: Asker) -> SecretContent:
    """Make our own S3's identities, of the pairs of keys that there are."""
    identities = []
    for name, (identity, actions) in S3_ROLES.items():
        if name not in plan.values:  # an overlay may leave a component out
            continue
        access_key, secret_key = (plan.values[name][key] for key in S3_KEYS)
        credentials = [{"accessKey": access_key, "secretKey": secret_key}]
        rights = [action.format(bucket=plan.settings["BROADFAST_S3_BUCKET"]) for action in actions]
        identities.append({"name": identity, "credentials": credentials, "actions": rights})
    document = json.dumps({"identities": identities}, indent=1)
    return SecretContent({"s3.json": document}, f"made, of {len(identities)} pairs of keys")


def make_certificate(plan: SecretPlan, ask: Asker) -> SecretContent:
    """Take the edge's certificate, or sign one ourselves."""
    path = ask("TLS_CERT", "file of the edge's certificate, empty to sign one here", "")
    if path:
        key_path = ask("TLS_KEY", "file of its key")
        values = {"tls.crt": Path(path).read_text(), "tls.key": Path(key_path).read_text()}
        return SecretContent(values, f"made, of {path}", "kubernetes.io/tls")
    values = sign_certificate(plan.hostnames)
    sentence = f"made for {', '.join(plan.hostnames)}: signed by itself, for {DAYS} days, for a trial"
    return SecretContent(values, sentence, "kubernetes.io/tls")


def sign_certificate(hosts: list[str]) -> dict[str, str]:
    """Return a certificate for hostnames that is signed by its own key.

    Raises:
        RuntimeError: openssl does not make it; with its own words.
    """
    names = ",".join(f"DNS:{host}" for host in hosts)
    with TemporaryDirectory() as folder:
        files = {name: str(Path(folder, name)) for name in ("tls.crt", "tls.key")}
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(DAYS)]
        command += ["-subj", f"/CN={hosts[0]}", "-addext", f"subjectAltName={names}"]
        command += ["-keyout", files["tls.key"], "-out", files["tls.crt"]]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"openssl makes no certificate: {result.stderr.strip()[-300:]}")
        return {name: Path(path).read_text() for name, path in files.items()}


RECIPES: dict[str, Callable[[SecretPlan, Asker], SecretContent]] = {  # in an order in which each finds what it needs
    "broadfast-user-hash": make_user_hash,
    "broadfast-redis": make_redis,
    "broadfast-feature-store": make_feature_store,
    **{name: s3_recipe(name) for name in S3_ROLES},
    IDENTITIES: make_identities,
    "relevance-tls": make_certificate,
}
