"""The platform on an empty cluster: secrets, an overlay, another one, and its end."""

import pytest
from typer.testing import CliRunner

from pipelines.cluster import apply, delete, secrets
from testing.servers import environment

pytestmark = [pytest.mark.slow, pytest.mark.needs("Kubernetes", "KServe", "Gateway API", "Envoy Gateway")]
IMAGES = ("--registry", "registry.internal/suite", "--tag", "0123abc")
REGISTRY = "postgresql+psycopg://feast:p@postgres:5432/feast"


def run(app, *words, answers="\n"):
    result = CliRunner().invoke(app, [str(word) for word in words], input=answers)
    return result.exit_code, result.output


@pytest.fixture
def demo(world, tmp_path):
    """Apply the demo's overlay with its secrets, and delete all of it afterwards."""
    overlay = world.overlay(tmp_path, "demo")
    assert run(secrets.app, overlay)[0] == 0
    code, output = run(apply.app, overlay, *IMAGES)
    assert code == 0, output
    yield overlay
    run(delete.app, "--namespace", world.namespace, "--yes")


def test_an_empty_cluster_gets_platform_and_secrets(world, demo):
    assert {"broadfast-s3", "broadfast-models", "broadfast-seaweedfs", "relevance-tls"} <= world.names("secrets")
    assert {"release-control", "outcomes", "release-exporter"} <= world.names("deployments.apps")
    assert {"relevance", "relevance-edge"} == world.names("httproutes.gateway.networking.k8s.io")
    assert world.names("backendtrafficpolicies.gateway.envoyproxy.io") == {"relevance"}


def test_a_second_time_there_is_nothing_to_do(demo):
    code, output = run(apply.app, demo, *IMAGES)
    assert code == 0 and "nothing to do" in output and "of an earlier overlay" not in output
    assert "nothing to do" in run(secrets.app, demo)[1]


def test_a_dry_run_says_what_would_change(world, demo):
    code, output = run(apply.app, demo, "--registry", "registry.internal/suite", "--tag", "4567def", "--dry-run")
    assert code == 0 and "nothing to do" not in output
    assert "nothing to do" in run(apply.app, demo, *IMAGES)[1]


def test_what_another_overlay_left_is_pruned(world, demo, tmp_path):
    staging = world.overlay(tmp_path, "staging")
    if "Prometheus operator" not in world.versions():
        pytest.skip("not installed: Prometheus operator")
    with environment(BROADFAST_FEATURE_REGISTRY=REGISTRY):
        assert run(secrets.app, staging)[0] == 0
    assert run(apply.app, staging, *IMAGES)[0] == 0
    assert "redis" in world.names("statefulsets.apps")
    code, output = run(apply.app, demo, *IMAGES, "--prune", answers="y\n")
    assert code == 0 and "StatefulSet/redis" in output and "objects deleted" in output
    assert world.names("statefulsets.apps") == {"seaweedfs"}


def test_the_workbench_gets_a_way_in(world, demo, tmp_path):
    assert run(apply.app, world.overlay(tmp_path, "demo", "workbench-route"), *IMAGES)[0] == 0
    assert "workbench" in world.names("deployments.apps") & world.names("httproutes.gateway.networking.k8s.io")


def test_others_objects_are_never_pruned(world, demo):
    labels = {"app.kubernetes.io/part-of": "broadfast"}
    metadata = {"name": "theirs", "namespace": world.namespace, "labels": labels}
    world.add_object({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}, "argocd")
    assert run(apply.app, demo, *IMAGES, "--prune", "--yes")[0] == 0
    assert "theirs" in world.names("configmaps")


def test_deleting_it_keeps_data_and_secrets(world, demo):
    code, output = run(delete.app, "--namespace", world.namespace, "--yes")
    assert code == 0 and "Secret/broadfast-s3: kubectl delete" in output and "the bucket" in output
    assert not world.names("deployments.apps") and not world.names("httproutes.gateway.networking.k8s.io")
    assert "broadfast-s3" in world.names("secrets")
