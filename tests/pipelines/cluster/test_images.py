"""Images: the commands that build them, and the digests that a real registry gives."""

import hashlib
import json
import os
import shutil
import subprocess
import tomllib

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.cluster import images, pin
from pipelines.cluster.pod_rules import DIGEST
from pipelines.profiles import PROFILES
from testing.servers import free_ports, process
from tests.manifests.rendered import ROOT


def test_the_build_command_names_file_target_base():
    command = images.build_command("podman", "r/student-python:1", "student-python", "python@sha256:ab", ["--x"])
    assert command == [
        "podman", "build", "--file=components/Dockerfile", "--tag=r/student-python:1", "--target=student",
        "--build-arg=BASE=python@sha256:ab", "--x", ".",
    ]  # fmt: skip


def test_every_image_ends_without_root_and_pip():
    for dockerfile, target in images.IMAGES.values():
        text = (ROOT / dockerfile).read_text()
        assert not target or f"AS {target}\n" in text
        last = text.rpartition("FROM ")[2] if not target else text
        assert "USER 65532:65532" in last and "site-packages/pip*" in text


def test_offline_images_hold_the_models_of_small_profiles():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {profile().base_model for profile in PROFILES.values()} | {p().student.encoder for p in PROFILES.values()}
    packages = {name.removeprefix("package:") for name in names if name.startswith("package:")}
    assert packages == set(extras["models"])
    assert (ROOT / "components" / "Dockerfile").read_text().count("--extra models") == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--only", "nothing"], "'nothing' is none of serving-python, student-python, teacher-python"),
        (["--engine", "no-such-engine"], "no no-such-engine to build with: install docker, podman or buildah"),
    ],
)
def test_impossible_builds_are_refused(words, sentence):
    result = CliRunner().invoke(images.app, ["--registry", "r", "--tag", "1", *words])
    assert result.exit_code and sentence in " ".join(result.output.replace("│", "").split())


def test_packages_are_listed_with_their_versions(tmp_path):
    (tmp_path / "thing-1.2.dist-info").mkdir()
    (tmp_path / "thing-1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.2\n")
    assert images.list_packages(tmp_path) == ["thing==1.2"]


@pytest.fixture
def registry(tmp_path):
    """Start a real registry on loopback."""
    if not shutil.which("docker-registry") or not shutil.which("skopeo"):
        pytest.skip("docker-registry and skopeo are not installed: Debian's packages of these names")
    (port,) = free_ports(1)
    store = {"filesystem": {"rootdirectory": str(tmp_path / "store")}}
    config = {"version": 0.1, "storage": store, "http": {"addr": f"127.0.0.1:{port}"}}
    (tmp_path / "registry.yml").write_text(yaml.safe_dump(config))
    with process(["docker-registry", "serve", str(tmp_path / "registry.yml")], f"http://127.0.0.1:{port}/v2/"):
        yield f"127.0.0.1:{port}"


def push_image(registry, name, folder):
    """Push an image of no layer, and return its digest."""
    layout = folder / name.replace("/", "-")
    (layout / "blobs" / "sha256").mkdir(parents=True)

    def blob(content):
        digest = build_digest(content)
        (layout / "blobs" / "sha256" / digest).write_bytes(content)
        return {"digest": f"sha256:{digest}", "size": len(content)}

    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "author": name}
    kind = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}manifest.v1+json",
        "config": {"mediaType": f"{kind}config.v1+json"} | blob(json.dumps(config).encode()),
        "layers": [],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [{"mediaType": f"{kind}manifest.v1+json"} | blob(json.dumps(manifest).encode())],
    }
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    command = ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}", f"docker://{registry}/{name}:abc"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"HOME": str(folder)})
    return index["manifests"][0]["digest"]


def build_digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.slow
def test_pin_writes_the_registrys_digests_once(registry, tmp_path, monkeypatch):
    digests = {f"broadfast/{name}": push_image(registry, f"broadfast/{name}", tmp_path) for name in pin.OURS}
    monkeypatch.setattr(pin, "third_party_images", dict)
    out = tmp_path / "images" / "kustomization.yaml"
    words = ["--registry", f"{registry}/broadfast", "--tag", "abc", "--insecure", "--out", str(out)]
    result = CliRunner().invoke(pin.app, words)
    assert result.exit_code == 0, result.output
    images = {image["name"]: image for image in yaml.safe_load(out.read_text())["images"]}
    assert {name: image["digest"] for name, image in images.items()} == digests
    assert all(DIGEST.search(f"{image['newName']}@{image['digest']}") for image in images.values())
    assert "nothing to do" in CliRunner().invoke(pin.app, words).output


@pytest.mark.slow
def test_pin_names_a_missing_image(registry, tmp_path):
    words = ["--registry", f"{registry}/broadfast", "--tag", "abc", "--insecure", "--out", str(tmp_path / "x")]
    result = CliRunner().invoke(pin.app, words)
    assert result.exit_code == 1 and f"no digest of {registry}/broadfast/serving-python:abc" in result.output
    assert not (tmp_path / "x").exists()
