"""Every overlay renders, holds to the schemas and to the platform's rules; each with its count printed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.cluster import manifest_rules
from pipelines.cluster.manifest_pods import pods
from pipelines.cluster.manifest_rules import check_runbooks, runbooks_address
from pipelines.cluster.network_rules import own_policy_types, selector_matches
from pipelines.placements import PLACEMENTS
from pipelines.resources import SETTINGS_VARIABLES, SIGNING, VERIFICATION
from tests.manifests.rendered import OVERLAYS, ROOT, find_object, kustomize, objects, text

WITHOUT_SCHEMA = {"BackendTrafficPolicy"}  # Envoy Gateway's own
every = pytest.mark.parametrize("overlay", OVERLAYS)


@every
def test_an_overlay_holds_to_every_rule(overlay, capsys):
    manifests = objects(overlay)
    assert manifest_rules.find_faults(manifests, is_production=overlay == "production") == []
    print(f"{overlay}: {len(manifests)} objects, {len(list(pods(manifests)))} pods, {len(manifest_rules.RULES)} rules")


@every
def test_an_overlay_holds_to_all_schemas(overlay, schema_faults):
    manifests = [manifest for manifest in objects(overlay) if manifest["kind"] not in WITHOUT_SCHEMA]
    report = schema_faults(yaml.safe_dump_all(manifests))
    assert report.splitlines()[-1] == f"{len(manifests)} objects, 0 faults", report


@every
def test_retries_are_for_both_routes(overlay):
    manifests = objects(overlay)
    routes = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "HTTPRoute"} - {"workbench"}
    policies = [manifest["spec"] for manifest in manifests if manifest["kind"] == "BackendTrafficPolicy"]
    assert {target["name"] for policy in policies for target in policy["targetRefs"]} == routes
    for policy in policies:
        assert set(policy["retry"]["retryOn"]["triggers"]) == {"connect-failure", "reset", "retriable-status-codes"}
        assert policy["retry"]["retryOn"]["httpStatusCodes"] == [503] and policy["retry"]["perRetry"]["timeout"]


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


def test_the_demo_needs_no_other_operator():
    kinds = {manifest["kind"] for manifest in objects("demo")}
    assert not kinds & {"FeatureStore", "PrometheusRule", "PodMonitor", "ServiceMonitor"}
    assert not {"redis", "postgres"} & {manifest["metadata"]["name"] for manifest in objects("demo")}


@every
def test_the_feature_store_is_whole_or_off(overlay):
    manifests = objects(overlay)
    settings = find_object(manifests, "ConfigMap", "broadfast-settings")["data"]
    runtime = find_object(manifests, "ServingRuntime", "broadfast")["spec"]["containers"][0]
    secrets = {source["secretRef"]["name"] for source in runtime["envFrom"] if "secretRef" in source}
    has_redis = any(manifest["metadata"]["name"] == "redis" for manifest in manifests)
    is_on = settings["BROADFAST_FEATURE_STORE"] == "on"
    assert is_on == has_redis == ("broadfast-feature-store" in secrets) == (overlay != "demo")


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
        ("deployments", "patch"),
        ("revisions", "get"),
    }


def test_only_the_kubeflow_overlay_routes_by_knative():
    settings = {name: find_object(objects(name), "ConfigMap", "broadfast-settings")["data"] for name in OVERLAYS}
    routers = {name: data["BROADFAST_ROUTER"] for name, data in settings.items()}
    assert routers == {"demo": "standard", "staging": "standard", "production": "standard", "kubeflow": "knative"}


def test_the_command_counts_what_kustomize_writes():
    result = subprocess.run(
        [sys.executable, "-m", "pipelines.cluster.manifest_rules"],
        input=text("staging"),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0 and result.stdout.endswith(", 0 faults\n"), result.stdout
    assert Path(ROOT, "manifests").is_dir()


def render_documented(page, tmp_path):
    """Return the objects of the overlay that a page shows."""
    overlay = re.search(r"```yaml\n(resources: .*?)```", (ROOT / "docs" / "operations" / page).read_text(), re.DOTALL)[
        1
    ]
    folder = shutil.copytree(ROOT / "manifests", tmp_path / "manifests") / "overlays" / "own"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(overlay)
    return [manifest for manifest in yaml.load_all(kustomize(folder), yaml.CSafeLoader) if manifest]


def test_an_overlay_of_ones_own_moves_the_links(tmp_path):
    manifests = render_documented("runbooks.md", tmp_path)
    assert runbooks_address(manifests) == "https://wiki.internal.example.com/broadfast/runbooks"
    assert list(check_runbooks(manifests)) == []


def test_the_model_registry_is_reached(tmp_path):
    manifests = render_documented("model-registry.md", tmp_path)
    assert manifest_rules.find_faults(manifests) == []
    settings = find_object(manifests, "ConfigMap", "broadfast-settings")["data"]
    assert settings["BROADFAST_MODEL_REGISTRY_URL"].endswith("model-registry-service.kubeflow.svc.cluster.local:8080")
    policy = find_object(manifests, "NetworkPolicy", "release-model-registry")["spec"]
    control = next(pod for pod in pods(manifests) if pod.name == "Deployment/release-control")
    assert selector_matches(policy["podSelector"], control.labels)


def test_servers_get_the_key_that_they_verify_by(tmp_path):
    manifests = render_documented("signing.md", tmp_path)
    assert manifest_rules.find_faults(manifests) == []
    settings = find_object(manifests, "ConfigMap", "broadfast-settings")["data"]
    runtime = find_object(manifests, "ServingRuntime", "broadfast")["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in runtime["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in runtime["volumes"]}
    assert volumes["verification"]["configMap"]["name"] == VERIFICATION[0] and mounts["verification"] == VERIFICATION[1]
    assert settings["BROADFAST_VERIFICATION_KEY_FILE"] == f"{VERIFICATION[1]}/public.pem"
    assert settings["BROADFAST_SIGNING_KEY_FILE"] == f"{SIGNING[1]}/private.pem"


def test_servers_mount_the_items_read_ahead(tmp_path):
    manifests = render_documented("item-index.md", tmp_path)
    assert manifest_rules.find_faults(manifests) == []
    settings = find_object(manifests, "ConfigMap", "broadfast-settings")["data"]
    runtime = find_object(manifests, "ServingRuntime", "broadfast")["spec"]
    mounts = {mount["name"]: mount for mount in runtime["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in runtime["volumes"]}
    assert mounts["item-index"]["mountPath"] == settings["BROADFAST_ITEM_INDEX"] and mounts["item-index"]["readOnly"]
    assert volumes["item-index"]["persistentVolumeClaim"] == {"claimName": "broadfast-item-index", "readOnly": True}


def test_the_workbench_is_routed_by_ones_own_gateway(tmp_path):
    manifests = render_documented("../workbench.md", tmp_path)
    assert manifest_rules.find_faults(manifests) == []
    route = find_object(manifests, "HTTPRoute", "workbench")["spec"]
    pod = next(pod for pod in pods(manifests) if pod.name == "Deployment/workbench")
    arguments = find_object(manifests, "Deployment", "workbench")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert route["parentRefs"] == [{"name": "internal-tools", "namespace": "auth"}]
    assert f"--name={route['hostnames'][0]}" in arguments and "--user-header=X-Forwarded-Email" in arguments
    assert pod.labels["app.kubernetes.io/part-of"] == "broadfast"


@every
def test_the_workbench_may_nothing_on_the_cluster(overlay):
    manifests = objects(overlay)
    spec = find_object(manifests, "Deployment", "workbench")["spec"]["template"]["spec"]
    bindings = [manifest["subjects"] for manifest in manifests if manifest["kind"] == "RoleBinding"]
    assert {"kind": "ServiceAccount", "name": spec["serviceAccountName"]} not in [
        one for many in bindings for one in many
    ]
    secrets = [source["secretRef"]["name"] for source in spec["containers"][0]["envFrom"] if "secretRef" in source]
    assert "--user-header=kubeflow-userid" in spec["containers"][0]["args"]  # people are whom the proxy names
    assert not spec["automountServiceAccountToken"] and secrets == ["broadfast-workbench"]
