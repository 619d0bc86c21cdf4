"""Every kind of pod reaches the services that it needs, and no other that matters, by the labels of real pods."""

import shutil

import pytest
import yaml

from pipelines.cluster.manifest_rules import find_faults
from pipelines.cluster.network_rules import selector_matches
from tests.manifests.reachability import Pod, Service, can_reach
from tests.manifests.rendered import ROOT, kustomize, objects

OURS = {"app.kubernetes.io/part-of": "broadfast"}
DRIVER = {"pipeline/runid": "r1", "pipelines.kubeflow.org/v2_component": "true"}  # and nothing of ours
KUBEFLOW = {"kubernetes.io/metadata.name": "kubeflow"}
GATEWAY = {"broadfast/gateway": "true"}


def platform_pod(name):
    return Pod(OURS | {"app.kubernetes.io/name": name})


def step(kind):
    return Pod(DRIVER | OURS | {"broadfast/step": kind})


def predictor(service):
    return Pod(OURS | {"serving.kserve.io/inferenceservice": service})


SERVICES = {
    "names": Service(53, Pod({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"}), protocol="UDP"),
    "api-server": Service(443, address="10.96.0.1"),
    "metadata-grpc": Service(8080, Pod({"app": "metadata-grpc-server"}, KUBEFLOW)),
    "ml-pipeline": Service(8887, Pod({"app": "ml-pipeline"}, KUBEFLOW)),
    "kubeflow-s3": Service(8333, Pod({"app": "seaweedfs"}, KUBEFLOW)),
    "staging-s3": Service(8333, platform_pod("seaweedfs")),
    "private-s3": Service(443, address="10.20.0.7"),
    "redis": Service(6379, platform_pod("redis")),
    "postgres": Service(5432, address="10.30.0.9"),
    "gateway": Service(80, Pod({"app": "envoy"}, GATEWAY)),
    "stable": Service(8080, predictor("relevance-stable")),
    "candidate": Service(8080, predictor("relevance-candidate")),
    "collector": Service(18090, platform_pod("outcomes")),
    "exporter": Service(9105, platform_pod("release-exporter")),
    "interleaver": Service(18091, platform_pod("relevance-interleaver")),
    "workbench": Service(8070, platform_pod("workbench")),
    "internet": Service(443, address="93.184.216.34"),
}
PLATFORM_S3 = {"demo": "staging-s3", "staging": "staging-s3", "production": "private-s3", "kubeflow": "kubeflow-s3"}
RUN = {"names", "api-server", "metadata-grpc", "ml-pipeline", "kubeflow-s3"}  # what Kubeflow's own containers need
PODS = {  # by kind: a pod, and what it needs beside the platform's S3
    "driver": (Pod(DRIVER), RUN),
    "step of data": (step("data"), RUN | {"s3"}),
    "step of features": (step("features"), RUN | {"s3", "redis", "postgres"}),
    "step of rationales": (step("rationales"), RUN | {"s3"}),
    "step of tuning": (step("sft"), RUN | {"s3"}),
    "step of release": (step("release"), RUN | {"s3", "gateway"}),
    "step of experiment": (step("experiment"), RUN | {"s3"}),
    "serving": (predictor("relevance-stable"), {"names", "s3", "redis", "postgres"}),
    "candidate": (predictor("relevance-candidate"), {"names", "s3", "redis", "postgres"}),
    "control": (platform_pod("release-control"), {"names", "s3", "api-server", "gateway"}),
    "exporter": (platform_pod("release-exporter"), {"names", "s3"}),
    "collector": (platform_pod("outcomes"), {"names", "s3"}),
    "interleaver": (platform_pod("relevance-interleaver"), {"names", "s3", "stable", "candidate", "redis", "postgres"}),
    "redis": (platform_pod("redis"), {"names"}),
    "workbench": (platform_pod("workbench"), {"names", "s3", "gateway"}),
    "auth proxy": (Pod({"app": "oauth2-proxy"}, {"broadfast/auth-proxy": "true"}), {"workbench"}),
    "gateway": (Pod({"app": "envoy"}, GATEWAY), {"stable", "candidate", "collector", "interleaver"}),
    "search": (Pod({"app": "shop"}, {"broadfast/search": "true"}), set()),
    "monitoring": (
        Pod({}, {"broadfast/monitoring": "true"}),
        {"stable", "candidate", "collector", "exporter", "interleaver"},
    ),
}
OUTSIDERS = ("gateway", "monitoring", "search", "auth proxy")  # whose ways out are not ours to bound
FEATURE_STORE = {"redis", "postgres"}
SEARCH = {"broadfast/search": "true"}
KNATIVE = {  # where an interleaver asks the gateway, and callers and the release ask the interleaver
    "interleaver": (platform_pod("relevance-interleaver"), {"names", "s3", "gateway", "redis", "postgres"}),
    "control": (platform_pod("release-control"), {"names", "s3", "api-server", "gateway", "interleaver"}),
    "gateway": (Pod({"app": "envoy"}, GATEWAY), {"stable", "candidate", "collector"}),
    "search": (Pod({"app": "shop"}, SEARCH), {"interleaver"}),
}
GUARDED = {"redis", "gateway", "stable", "candidate", "collector", "exporter", "interleaver", "workbench", "internet"}


@pytest.fixture(params=PLATFORM_S3)
def overlay(request):
    return request.param


def reachable_services(overlay, pod):
    policies = [manifest for manifest in objects(overlay) if manifest["kind"] == "NetworkPolicy"]
    return {name for name, service in SERVICES.items() if can_reach(policies, pod, service)}


def absent_services(overlay):
    """Return what a platform without a feature store does not have."""
    return FEATURE_STORE if overlay == "demo" else set()


def pod_and_needs(overlay, kind):
    """Return a kind's pod and what it needs, in the overlay's mode."""
    return KNATIVE.get(kind, PODS[kind]) if overlay == "kubeflow" else PODS[kind]


@pytest.mark.parametrize("kind", PODS)
def test_a_pod_reaches_what_it_needs(overlay, kind):
    pod, needs = pod_and_needs(overlay, kind)
    needs = {PLATFORM_S3[overlay] if name == "s3" else name for name in needs} - absent_services(overlay)
    assert needs <= reachable_services(overlay, pod), needs - reachable_services(overlay, pod)


@pytest.mark.parametrize("kind", [kind for kind in PODS if kind not in OUTSIDERS])
def test_a_pod_reaches_nothing_guarded_besides(overlay, kind):
    pod, needs = pod_and_needs(overlay, kind)
    assert not (reachable_services(overlay, pod) & GUARDED) - (needs - absent_services(overlay))


@pytest.fixture
def shared_namespace(tmp_path):
    """Render staging for Kubeflow's own namespace, which a single-user server runs everything in."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    overlay = tmp_path / "manifests" / "overlays" / "single-user"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "namespace: kubeflow\nresources: [../staging]\ncomponents: [../../components/shared-namespace]\n"
    )
    return [manifest for manifest in yaml.load_all(kustomize(overlay), yaml.CSafeLoader) if manifest]


def test_a_shared_namespace_leaves_others_alone(shared_namespace):
    assert find_faults(shared_namespace) == []
    selectors = [
        manifest["spec"]["podSelector"] for manifest in shared_namespace if manifest["kind"] == "NetworkPolicy"
    ]
    for labels in ({"app": "ml-pipeline"}, DRIVER, {}):
        assert not any(selector_matches(selector, labels) for selector in selectors)
    assert sum(selector_matches(selector, step("data").labels) for selector in selectors) >= 3


def test_steps_that_label_reach_a_chat_model(tmp_path):
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    overlay = tmp_path / "manifests" / "overlays" / "labelling"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text("resources: [../staging]\ncomponents: [../../components/chat-model]\n")
    rendered = [manifest for manifest in yaml.load_all(kustomize(overlay), yaml.CSafeLoader) if manifest]
    policies = [manifest for manifest in rendered if manifest["kind"] == "NetworkPolicy"]
    chat_model = Service(8000, Pod({"broadfast/llm": "true"}))
    assert find_faults(rendered) == []
    pods = {kind: pod for kind, (pod, _) in PODS.items() if kind not in OUTSIDERS}
    assert {kind for kind, pod in pods.items() if can_reach(policies, pod, chat_model)} == {"step of rationales"}


def test_other_pods_reach_nothing_of_ours(overlay):
    ours = {"redis", "stable", "candidate", "collector", "exporter", "interleaver", "workbench", "staging-s3"}
    stranger = Pod({}, {"kubernetes.io/metadata.name": "another-team"})
    assert not reachable_services(overlay, stranger) & ours
    assert reachable_services(overlay, Pod({"notebook-name": "n"})) == {"names"}  # in our namespace, without our labels


def test_only_the_auth_proxy_reaches_the_workbench(overlay):
    kinds = {kind for kind in PODS if "workbench" in reachable_services(overlay, pod_and_needs(overlay, kind)[0])}
    assert kinds == {"auth proxy"}
