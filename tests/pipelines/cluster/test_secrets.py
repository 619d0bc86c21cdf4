"""`make secrets`: random ones are made, the rest is asked for, and what is there stays."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from pipelines.cluster import kubectl, secrets
from pipelines.cluster.secret_recipes import sign_certificate
from testing.kubectl_double import install
from testing.servers import environment
from tests.manifests.rendered import objects

REGISTRY = "postgresql+psycopg://feast:p@postgres:5432/feast"
DEMO = {"broadfast-user-hash", "broadfast-s3", "broadfast-models", "broadfast-logs", "broadfast-seaweedfs"}
DEMO |= {"relevance-tls", "broadfast-workbench"}


@pytest.fixture
def empty_cluster(tmp_path, monkeypatch):
    """Stand in for kubectl with an empty cluster, and return its folder."""
    program = install(tmp_path / "cluster", kubectl.kubectl_path())
    monkeypatch.setattr(kubectl, "kubectl_path", lambda: str(program))
    return program.parent


def run(*words: str, answers: str = "\n"):
    result = CliRunner().invoke(secrets.app, list(words), input=answers)
    return result.exit_code, result.output


def stored(cluster) -> dict:
    return {
        key.split("/")[2]: value
        for key, value in json.loads((cluster / "objects.json").read_text()).items()
        if key.startswith("secret/")
    }


def test_overlays_name_their_secrets():
    assert secrets.named_secrets(objects("demo")) == DEMO
    assert secrets.named_secrets(objects("staging")) == DEMO | {"broadfast-redis", "broadfast-feature-store"}
    assert "broadfast-seaweedfs" not in secrets.named_secrets(objects("production"))


@pytest.mark.slow
def test_the_demo_asks_for_a_certificate_alone(empty_cluster):
    code, output = run("demo")
    assert code == 0, output
    assert set(stored(empty_cluster)) == DEMO and "signed by itself" in output
    models = stored(empty_cluster)["broadfast-models"]["metadata"]["annotations"]
    assert models == {"serving.kserve.io/s3-endpoint": "seaweedfs:8333", "serving.kserve.io/s3-usehttps": "0"}


@pytest.mark.slow
def test_a_second_time_nothing_is_made(empty_cluster):
    run("demo")
    before = stored(empty_cluster)
    code, output = run("demo")
    assert code == 0 and "nothing to do" in output and stored(empty_cluster) == before


@pytest.mark.slow
def test_redis_and_its_readers_share_a_password(empty_cluster):
    with environment(BROADFAST_FEATURE_REGISTRY=REGISTRY):
        assert run("staging")[0] == 0
    values = secrets.read_stored("broadfast")
    password = values["broadfast-redis"]["password"]
    assert values["broadfast-feature-store"]["BROADFAST_REDIS"] == f"redis:6379,password={password}"
    assert values["broadfast-feature-store"]["BROADFAST_FEATURE_REGISTRY"] == REGISTRY
    identities = json.loads(values["broadfast-seaweedfs"]["s3.json"])["identities"]
    keys = {identity["name"]: identity["credentials"][0]["secretKey"] for identity in identities}
    assert keys["models"] == values["broadfast-models"]["AWS_SECRET_ACCESS_KEY"]


@pytest.mark.slow
def test_keys_of_another_s3_are_asked_for(empty_cluster):
    (empty_cluster / "objects.json").write_text(json.dumps({"namespace//broadfast": {"metadata": {}}}))
    with environment(BROADFAST_FEATURE_REGISTRY=REGISTRY):
        code, output = run("kubeflow", answers="k1\ns1\nk2\ns2\nk3\ns3\nk4\ns4\n")
    assert code == 0 and "Read:broadfast, List:broadfast" in output, output
    values = secrets.read_stored("broadfast")
    assert values["broadfast-models"] == {"AWS_ACCESS_KEY_ID": "k2", "AWS_SECRET_ACCESS_KEY": "s2"}


@pytest.mark.slow
def test_without_answers_the_variable_is_named(empty_cluster):
    code, output = run("staging", answers="")
    assert code == 1 and "not made: nothing answers: set BROADFAST_FEATURE_REGISTRY in the environment" in output


@pytest.mark.slow
def test_without_a_terminal_the_certificate_is_signed_here(empty_cluster):
    code, output = run("demo", answers="")
    assert code == 0 and "signed by itself" in output and "relevance-tls" in stored(empty_cluster)


@pytest.mark.slow
def test_a_missing_certificate_is_named(empty_cluster):
    with environment(TLS_CERT="nowhere.pem", TLS_KEY="nowhere.key"):
        code, output = run("demo")
    assert code == 1 and "relevance-tls is not made: " in output and "nowhere.pem" in output


def test_an_overlay_without_settings_is_named(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [other.yaml]\n")
    (tmp_path / "other.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n")
    code, output = run(str(tmp_path))
    assert code == 1 and "makes no ConfigMap/broadfast-settings in a namespace: give `namespace`" in output


@pytest.mark.slow
def test_no_value_is_printed(empty_cluster):
    output = run("demo")[1]
    values = secrets.read_stored("broadfast")
    assert not any(
        value in output for secret in values.values() for key, value in secret.items() if key != "AWS_ACCESS_KEY_ID"
    )


def test_a_certificate_names_its_hosts(tmp_path):
    values = sign_certificate(["a.example.com", "b.example.com"])
    command = ["openssl", "x509", "-noout", "-ext", "subjectAltName"]
    result = subprocess.run(command, input=values["tls.crt"], capture_output=True, text=True)
    assert "DNS:a.example.com, DNS:b.example.com" in result.stdout
