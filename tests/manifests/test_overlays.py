"""Every overlay renders, holds to the schemas and to the platform's rules; each with its count printed."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cluster import manifest_rules
from pipelines.cluster.manifest_pods import pods
from pipelines.resources import PLACEMENTS, SETTINGS_VARIABLES
from tests.manifests.rendered import OVERLAYS, ROOT, kustomize, objects, one, text

every = pytest.mark.parametrize("overlay", OVERLAYS)


@every
def test_an_overlay_holds_to_every_rule(overlay, capsys):
    found = objects(overlay)
    assert manifest_rules.faults(found, production=overlay == "production") == []
    print(f"{overlay}: {len(found)} objects, {len(list(pods(found)))} pods, {len(manifest_rules.RULES)} rules")


@every
def test_an_overlay_holds_to_the_schemas_of_all_its_kinds(overlay, schema_faults):
    said = schema_faults(text(overlay))
    assert said.splitlines()[-1] == f"{len(objects(overlay))} objects, 0 faults", said


def test_production_does_not_render_before_its_images_are_pinned():
    if (ROOT / "manifests" / "overlays" / "production" / "images").exists():
        pytest.skip("this checkout has pinned its images")
    with pytest.raises(AssertionError, match="images"):
        kustomize(ROOT / "manifests" / "overlays" / "production")


@every
def test_every_pod_that_speaks_to_s3_has_a_way_there_and_redis_has_none(overlay):
    found = objects(overlay)
    way = one(found, "NetworkPolicy", "s3")["spec"]["podSelector"]
    reach = {pod.name: manifest_rules.selects(way, pod.labels) for pod in pods(found)}
    for name, reaches in reach.items():
        assert reaches == (name not in ("StatefulSet/redis", "StatefulSet/seaweedfs")), name


@every
def test_steps_of_every_row_have_policies_for_both_ways(overlay):
    policies = [p for p in objects(overlay) if p["kind"] == "NetworkPolicy" and p["spec"]["podSelector"]]
    for row in PLACEMENTS:
        labels = {"app.kubernetes.io/part-of": "broadfast", "broadfast/step": row}
        ways = {
            way
            for policy in policies
            if manifest_rules.selects(policy["spec"]["podSelector"], labels)
            for way in policy["spec"]["policyTypes"]
        }
        assert ways == {"Ingress", "Egress"}, row


@every
def test_the_settings_hold_every_key_that_a_step_is_told_of(overlay):
    assert one(objects(overlay), "ConfigMap", "broadfast-settings")["data"].keys() == set(SETTINGS_VARIABLES)


def test_the_release_may_only_what_its_routers_do(tmp_path):
    rules = one(objects("staging"), "Role", "broadfast-release")["rules"]
    allowed = {(rule["resources"][0], verb) for rule in rules for verb in rule["verbs"]}
    assert allowed == {
        ("inferenceservices", "create"),
        ("inferenceservices", "get"),
        ("inferenceservices", "patch"),
        ("inferenceservices", "delete"),
        ("httproutes", "get"),
        ("httproutes", "patch"),
    }


def test_only_the_knative_overlay_asks_for_the_knative_router():
    said = {name: one(objects(name), "ConfigMap", "broadfast-settings")["data"] for name in OVERLAYS}
    routers = {name: data["BROADFAST_ROUTER"] for name, data in said.items()}
    assert routers == {"staging": "standard", "production": "standard", "kubeflow": "knative"}


def test_the_command_reads_what_kustomize_writes_and_counts():
    ran = subprocess.run(
        [sys.executable, "-m", "pipelines.cluster.manifest_rules"],
        input=text("staging"),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and ran.stdout.endswith(", 0 faults\n"), ran.stdout
    assert Path(ROOT, "manifests").is_dir()
