"""The platform's deployment as far as it goes without a cluster: what is refused before anything is asked of one."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipelines.cluster import apply
from tests.manifests.rendered import ROOT, text


def ran(*words):
    said = CliRunner().invoke(apply.app, list(words))
    return said.exit_code, said.output


def test_an_overlay_that_is_none_is_refused_with_the_known_ones():
    assert ran("stage") == (1, "'stage' is none of kubeflow, production, staging, nor a folder\n")


def test_production_without_digests_says_how_they_are_pinned():
    if (ROOT / "manifests" / "overlays" / "production" / "images").exists():
        pytest.skip("this checkout has pinned its images")
    assert "run `make pin REGISTRY=... TAG=...`" in ran("production")[1]


def test_images_of_the_example_registry_are_not_applied():
    code, said = ran("staging")
    assert code == 1 and said.startswith("images would come from registry.example.com, which is no registry")


def test_our_images_come_from_where_they_were_pushed_and_others_stay():
    said = apply.named(text("staging"), "registry.shop.internal/relevance", "1f3a")
    assert said.count("registry.shop.internal/relevance/serving-python:1f3a") == 3
    assert "redis:7.4" in said and apply.EXAMPLE not in said


def test_an_overlay_with_a_fault_is_not_applied(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [open.yaml]\n")
    (tmp_path / "open.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open}\n"
        "spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}\n"
    )
    code, said = ran(str(tmp_path))
    assert code == 1 and "NetworkPolicy/open: a way out to everywhere" in said and "nothing is applied" in said


@pytest.mark.slow
def test_without_a_cluster_kubectls_own_words_are_said_and_nothing_else(tmp_path):
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
    gone = {"KUBECONFIG": str(tmp_path / "none"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    said = subprocess.run(command, cwd=ROOT, env=gone, capture_output=True, text=True)
    assert said.returncode == 1 and "kubectl diff" in said.stderr and "Traceback" not in said.stderr
    assert "45 objects, 0 faults" in said.stdout
