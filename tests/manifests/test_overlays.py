"""Every overlay renders, holds to the schemas and to the platform's rules; each with its count printed."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cluster import manifest_rules
from pipelines.cluster.manifest_pods import pods
from pipelines.cluster.network_rules import own_policy_types, selector_matches
from pipelines.resources import PLACEMENTS, SETTINGS_VARIABLES
from tests.manifests.rendered import OVERLAYS, ROOT, find_object, kustomize, objects, text

every = pytest.mark.parametrize("overlay", OVERLAYS)


@every
def test_an_overlay_holds_to_every_rule(overlay, capsys):
    manifests = objects(overlay)
    assert manifest_rules.find_faults(manifests, is_production=overlay == "production") == []
    print(f"{overlay}: {len(manifests)} objects, {len(list(pods(manifests)))} pods, {len(manifest_rules.RULES)} rules")


@every
def test_an_overlay_holds_to_all_schemas(overlay, schema_faults):
    report = schema_faults(text(overlay))
    assert report.splitlines()[-1] == f"{len(objects(overlay))} objects, 0 faults", report


def test_production_needs_pinned_images_to_render():
    if (ROOT / "manifests" / "overlays" / "production" / "images").exists():
        pytest.skip("this checkout has pinned its images")
    with pytest.raises(AssertionError, match="images"):
        kustomize(ROOT / "manifests" / "overlays" / "production")


@every
def test_all_pods_but_redis_reach_s3(overlay):
    manifests = objects(overlay)
    selector = find_object(manifests, "NetworkPolicy", "s3")["spec"]["podSelector"]
    reach = {pod.name: selector_matches(selector, pod.labels) for pod in pods(manifests)}
    for name, reaches in reach.items():
        assert reaches == (name not in ("StatefulSet/redis", "StatefulSet/seaweedfs")), name


@every
def test_every_kind_of_step_has_policies(overlay):
    policies = [manifest for manifest in objects(overlay) if manifest["kind"] == "NetworkPolicy"]
    for kind in PLACEMENTS:
        labels = {"app.kubernetes.io/part-of": "broadfast", "broadfast/step": kind}
        assert own_policy_types(policies, labels) == {"Ingress", "Egress"}, kind


@every
def test_settings_hold_every_variable_of_a_step(overlay):
    assert find_object(objects(overlay), "ConfigMap", "broadfast-settings")["data"].keys() == set(SETTINGS_VARIABLES)


def test_the_release_may_only_what_its_routers_do():
    rules = find_object(objects("staging"), "Role", "broadfast-release")["rules"]
    rights = {(rule["resources"][0], verb) for rule in rules for verb in rule["verbs"]}
    assert rights == {
        ("inferenceservices", "create"),
        ("inferenceservices", "get"),
        ("inferenceservices", "patch"),
        ("inferenceservices", "delete"),
        ("httproutes", "get"),
        ("httproutes", "patch"),
        ("gateways", "get"),
        ("deployments", "get"),
        ("revisions", "get"),
    }


def test_only_the_kubeflow_overlay_routes_by_knative():
    settings = {name: find_object(objects(name), "ConfigMap", "broadfast-settings")["data"] for name in OVERLAYS}
    routers = {name: data["BROADFAST_ROUTER"] for name, data in settings.items()}
    assert routers == {"staging": "standard", "production": "standard", "kubeflow": "knative"}


def test_the_command_counts_what_kustomize_writes():
    result = subprocess.run(
        [sys.executable, "-m", "pipelines.cluster.manifest_rules"],
        input=text("staging"),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0 and result.stdout.endswith(", 0 faults\n"), result.stdout
    assert Path(ROOT, "manifests").is_dir()
