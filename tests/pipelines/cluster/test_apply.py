"""The platform's deployment as far as it goes without a cluster: what is refused before one is called."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipelines.cluster import apply
from pipelines.cluster.names import EXAMPLE_REGISTRY
from tests.manifests.rendered import ROOT, text


def run(*words):
    result = CliRunner().invoke(apply.app, list(words))
    return result.exit_code, result.output


def test_an_unknown_overlay_is_refused():
    assert run("stage") == (1, "'stage' is none of kubeflow, production, staging, nor a folder\n")


def test_production_without_digests_says_how_they_are_pinned():
    if (ROOT / "manifests" / "overlays" / "production" / "images").exists():
        pytest.skip("this checkout has pinned its images")
    assert "run `make pin REGISTRY=... TAG=...`" in run("production")[1]


def test_images_of_the_example_registry_are_not_applied():
    code, output = run("staging")
    assert code == 1 and output.startswith("images would come from registry.example.com, which is no registry")


def test_our_images_alone_come_from_the_registry():
    manifests = apply.name_images(text("staging"), "registry.shop.internal/relevance", "1f3a")
    assert manifests.count("registry.shop.internal/relevance/serving-python:1f3a") == 3
    assert "redis:7.4" in manifests and EXAMPLE_REGISTRY not in manifests


def test_an_overlay_with_a_fault_is_not_applied(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [open.yaml]\n")
    (tmp_path / "open.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open}\n"
        "spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}\n"
    )
    code, output = run(str(tmp_path))
    assert code == 1 and "NetworkPolicy/open: a way out to everywhere" in output and "nothing is applied" in output


KUBECTL = """#!{python}
import json, pathlib, subprocess, sys
words, here = sys.argv[1:], pathlib.Path(__file__).parent
if words[0] == "kustomize":
    sys.exit(subprocess.run([{real!r}, *words]).returncode)
text = "" if sys.stdin.isatty() or words[0] == "get" else sys.stdin.read()
namespace, rest = here / "namespace", here / "rest"
if words[0] == "diff":
    if not namespace.exists():
        sys.exit("Error from server (NotFound): namespaces \\"broadfast\\" not found")
    sys.exit(0 if rest.exists() else 1)
if words[0] == "apply":
    (rest if "kind: Deployment" in text else namespace).touch()
if words[:2] == ["get", "namespace"]:
    print("namespace/broadfast" if namespace.exists() else "", end="")
if words[:2] == ["get", "inferenceservices"]:
    print(json.dumps({{"items": []}}))
"""


@pytest.fixture
def empty_cluster(tmp_path, monkeypatch):
    """Stand in for kubectl with an empty cluster, where a diff needs the namespace to be there."""
    script = tmp_path / "kubectl"
    script.write_text(KUBECTL.format(python=sys.executable, real=apply.kubectl_path()))
    script.chmod(0o755)
    monkeypatch.setattr(apply, "kubectl_path", lambda: str(script))


IMAGES = ("--registry", "r.internal/b", "--tag", "1f3a")


def test_an_empty_cluster_gets_the_namespace_first(empty_cluster):
    code, output = run("staging", *IMAGES)
    assert code == 0 and "namespace broadfast created" in output and "nothing serves yet" in output
    code, output = run("staging", *IMAGES)
    assert code == 0 and "nothing to do" in output and "created" not in output


def test_a_profiles_namespace_is_never_made(empty_cluster):
    code, output = run("kubeflow", *IMAGES)
    assert code == 1 and "namespace broadfast is not there, and this overlay does not make it" in output


def test_a_dry_run_changes_nothing(empty_cluster):
    for _ in range(2):
        code, output = run("staging", *IMAGES, "--dry-run")
        assert code == 1 and "namespace broadfast is not there: everything would be created" in output


@pytest.mark.slow
def test_without_a_cluster_kubectls_words_are_shown(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pipelines.cluster.apply",
        "staging",
        "--registry",
        "r.internal/b",
        "--tag",
        "1f3a",
    ]
    environment = {"KUBECONFIG": str(tmp_path / "none"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and "kubectl get namespace" in result.stderr and "Traceback" not in result.stderr
    assert "46 objects, 0 faults" in result.stdout
