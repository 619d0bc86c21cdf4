"""A server for the chat model that labels: by a Deployment, and by KServe, as the page beside them says."""

import re
import shutil

import pytest
import yaml

from components.rationales import serve
from pipelines.cluster import manifest_rules
from pipelines.cluster.manifest_pods import pods
from tests.manifests.reachability import Pod, Service, can_reach
from tests.manifests.rendered import ROOT, find_object, kustomize
from tests.manifests.test_network import OURS, PODS, SERVICES, step

MODEL = "Qwen/Qwen2.5-14B-Instruct"
KSERVE_LABELS = {"app.kubernetes.io/part-of": "llminferenceservice", "app.kubernetes.io/name": "chat-model"}
ENDPOINTS = {"deployment": "http://chat-model:8000/v1", "kserve": "http://chat-model-kserve-workload-svc:8000/v1"}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Render both overlays of the page."""
    page = (ROOT / "docs" / "operations" / "chat-model.md").read_text()
    blocks = re.findall(r"```yaml\n(resources: .*?)```", page, re.DOTALL)
    manifests = shutil.copytree(ROOT / "manifests", tmp_path_factory.mktemp("own") / "manifests")
    rendered = {}
    for name, block in zip(ENDPOINTS, blocks, strict=True):
        folder = manifests / "overlays" / name
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(block)
        rendered[name] = [manifest for manifest in yaml.load_all(kustomize(folder), yaml.CSafeLoader) if manifest]
    return rendered


@pytest.fixture(params=ENDPOINTS)
def name(request):
    return request.param


@pytest.fixture
def manifests(both, name):
    return both[name]


def find_pod(manifests):
    (pod,) = [pod for pod in pods(manifests) if pod.labels.get("broadfast/llm")]
    return pod


def test_both_servers_hold_to_every_rule(manifests):
    assert manifest_rules.find_faults(manifests) == []


def test_a_rule_reads_kserves_pods(both):
    service = find_object(both["kserve"], "LLMInferenceService", "chat-model")
    broken = yaml.safe_load(yaml.safe_dump(service))
    broken["spec"]["template"]["securityContext"]["runAsNonRoot"] = False
    assert "LLMInferenceService/chat-model/main: runAsNonRoot is not true" in manifest_rules.find_faults([broken])


def test_steps_are_told_where_the_server_is(manifests, name):
    settings = find_object(manifests, "ConfigMap", "broadfast-settings")["data"]
    assert settings["BROADFAST_LLM_ENDPOINT"] == ENDPOINTS[name] and settings["BROADFAST_LLM_MODEL"] == ""


def test_the_server_is_ours_on_one_gpu(manifests):
    (container,) = find_pod(manifests).spec["containers"]
    assert container["image"].startswith("registry.example.com/broadfast/teacher-python:")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    assert {probe["path"] for probe in probes} == {"/health"} and "HTTPS" not in str(probes)
    (key,) = [variable for variable in container["env"] if variable["name"] == "VLLM_API_KEY"]
    assert key["valueFrom"]["secretKeyRef"] == {
        "name": "broadfast-llm",
        "key": "BROADFAST_LLM_API_KEY",
        "optional": True,
    }


def test_a_deployment_serves_the_model_it_names(both):
    (container,) = find_pod(both["deployment"]).spec["containers"]
    assert container["command"] == ["python", "-m", serve.__name__] and container["args"][0] == MODEL
    secrets = [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]
    assert secrets == ["broadfast-models"]  # which can only read
    service = find_object(both["deployment"], "Service", "chat-model")["spec"]
    assert service["selector"].items() <= find_pod(both["deployment"]).labels.items()
    assert service["ports"] == [{"name": "http", "port": 8000, "targetPort": "http"}]


def test_kserve_reads_and_names_one_model(both):
    spec = find_object(both["kserve"], "LLMInferenceService", "chat-model")["spec"]
    assert spec["model"] == {"uri": f"s3://broadfast/models/{MODEL.replace('/', '--')}/", "name": MODEL}
    (container,) = spec["template"]["containers"]
    assert container["name"] == "main" and container["command"] == ["vllm", "serve", "/mnt/models"]
    assert f"--served-model-name={MODEL}" in container["args"] and "router" not in spec


def test_only_steps_that_ask_reach_the_server(manifests, name):
    policies = [manifest for manifest in manifests if manifest["kind"] == "NetworkPolicy"]
    labels = find_pod(manifests).labels | ({} if name == "deployment" else KSERVE_LABELS)
    server = Pod(labels)
    steps = {kind: pod for kind, (pod, _) in PODS.items()} | {"step of chat": step("chat")}
    reaching = {kind for kind, pod in steps.items() if can_reach(policies, pod, Service(8000, server))}
    assert reaching == {"step of rationales", "step of chat"}
    reached = {kind for kind, service in SERVICES.items() if can_reach(policies, server, service)}
    assert {"names", "staging-s3"} <= reached and not reached & {"redis", "gateway", "stable", "workbench", "internet"}
    assert (OURS.items() <= server.labels.items()) is (name == "deployment")
