"""The platform's deployment as far as it goes without a cluster: what is refused before one is called."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipelines.cluster import apply, delete, kubectl
from pipelines.cluster.names import EXAMPLE_REGISTRY
from testing.kubectl_double import Cluster, install
from tests.manifests.rendered import ROOT, text


def run(*words):
    result = CliRunner().invoke(apply.app, list(words))
    return result.exit_code, result.output


def test_an_unknown_overlay_is_refused():
    assert run("stage") == (1, "'stage' is none of demo, kubeflow, production, staging, nor a folder\n")


def test_production_without_digests_says_how_they_are_pinned():
    if (ROOT / "manifests" / "overlays" / "production" / "images").exists():
        pytest.skip("this checkout has pinned its images")
    assert "run `make pin REGISTRY=... TAG=...`" in run("production")[1]


def test_images_of_the_example_registry_are_not_applied():
    code, output = run("staging")
    assert code == 1 and output.startswith("images would come from registry.example.com, which is no registry")


def test_our_images_alone_come_from_the_registry():
    manifests = apply.name_images(text("staging"), "registry.shop.internal/relevance", "1f3a")
    assert manifests.count("registry.shop.internal/relevance/serving-python:1f3a") == 4
    assert "redis:7.4" in manifests and EXAMPLE_REGISTRY not in manifests


def test_an_overlay_with_a_fault_is_not_applied(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [open.yaml]\n")
    (tmp_path / "open.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open}\n"
        "spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}\n"
    )
    code, output = run(str(tmp_path))
    assert code == 1 and "NetworkPolicy/open: a way out to everywhere" in output and "nothing is applied" in output


@pytest.fixture
def empty_cluster(tmp_path, monkeypatch):
    """Stand in for kubectl with an empty cluster, and return its folder."""
    program = install(tmp_path / "cluster", kubectl.kubectl_path())
    monkeypatch.setattr(kubectl, "kubectl_path", lambda: str(program))
    return program.parent


def names(cluster, kind):
    return {key.split("/")[2] for key in json.loads((cluster / "objects.json").read_text()) if key.startswith(kind)}


IMAGES = ("--registry", "r.internal/b", "--tag", "1f3a")


@pytest.mark.slow
def test_an_empty_cluster_gets_the_namespace_first(empty_cluster):
    code, output = run("staging", *IMAGES)
    assert code == 0 and "namespace broadfast created" in output and "nothing serves yet" in output
    code, output = run("staging", *IMAGES)
    assert code == 0 and "nothing to do" in output and "created" not in output


@pytest.mark.slow
def test_a_profiles_namespace_is_never_made(empty_cluster):
    code, output = run("kubeflow", *IMAGES)
    assert code == 1 and "namespace broadfast is not there, and this overlay does not make it" in output


@pytest.mark.slow
def test_a_dry_run_changes_nothing(empty_cluster):
    for _ in range(2):
        code, output = run("staging", *IMAGES, "--dry-run")
        assert code == 1 and "namespace broadfast is not there: everything would be created" in output


@pytest.mark.slow
def test_what_an_earlier_overlay_left_is_named(empty_cluster):
    run("staging", *IMAGES)
    code, output = run("demo", *IMAGES)
    assert code == 0 and "of an earlier overlay: StatefulSet/redis" in output and "PLATFORM=--prune" in output
    assert "redis" in names(empty_cluster, "statefulset")


@pytest.mark.slow
def test_pruning_asks_first(empty_cluster):
    run("staging", *IMAGES)
    result = CliRunner().invoke(apply.app, ["demo", *IMAGES, "--prune"], input="n\n")
    assert result.exit_code == 1 and "nothing is deleted" in result.output
    assert "redis" in names(empty_cluster, "statefulset")


@pytest.mark.slow
def test_pruning_leaves_what_others_applied(empty_cluster):
    run("staging", *IMAGES)
    cluster = Cluster(empty_cluster)
    labels = {"app.kubernetes.io/part-of": "broadfast"}
    for manager, name in (("argocd", "theirs"), ("broadfast-platform", "ours")):
        metadata = {"name": name, "namespace": "broadfast", "labels": labels}
        cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, manager)
    cluster.save()
    code, output = run("demo", *IMAGES, "--prune", "--yes")
    assert code == 0 and "objects deleted" in output
    assert "redis" not in names(empty_cluster, "statefulset")
    assert {"theirs", "broadfast-settings"} <= names(empty_cluster, "configmap")
    assert "ours" not in names(empty_cluster, "configmap")
    assert "of an earlier overlay" not in run("demo", *IMAGES)[1]


@pytest.mark.slow
def test_kinds_that_are_not_installed_are_passed_over(empty_cluster):
    (empty_cluster / "unknown").write_text("podmonitor prometheusrule featurestore trainingruntime")
    assert run("staging", *IMAGES)[0] == 0


@pytest.mark.slow
def test_deleting_the_platform_names_what_stays(empty_cluster):
    run("staging", *IMAGES)
    cluster = Cluster(empty_cluster)
    labels = {"app.kubernetes.io/part-of": "broadfast"}
    for kind, name in (("InferenceService", "relevance-stable"), ("PersistentVolumeClaim", "data-redis-0")):
        cluster.put({"kind": kind, "metadata": {"name": name, "namespace": "broadfast", "labels": labels}}, "other")
    cluster.save()
    result = CliRunner().invoke(delete.app, ["--namespace", "broadfast"], input="n\n")
    assert result.exit_code == 1 and "InferenceService/relevance-stable" in result.output
    result = CliRunner().invoke(delete.app, ["--namespace", "broadfast", "--yes"])
    assert result.exit_code == 0 and "PersistentVolumeClaim/data-redis-0: kubectl delete" in result.output
    kinds = {key.split("/")[0] for key in json.loads((empty_cluster / "objects.json").read_text())}
    assert kinds == {"namespace", "persistentvolumeclaim"}
    result = CliRunner().invoke(delete.app, ["--namespace", "broadfast"])
    assert result.exit_code == 0 and "nothing to do" in result.output


def test_kubectls_log_is_left_out():
    log = 'E1130 16:08:44.42 25204 memcache.go:381] "Couldn\'t get current server API group list"'
    assert kubectl.own_words(f"{log}\nThe connection was refused\n") == "The connection was refused"
    assert kubectl.own_words(log) == log


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
    assert "58 objects, 0 faults" in result.stdout
