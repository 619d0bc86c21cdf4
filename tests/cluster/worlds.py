"""Two worlds for one suite: pretended servers, or the cluster of a kubeconfig and a Kubeflow server.

A test asks a world for what it needs and never for which one it is. Where the two differ, the pretended one is wrong.
"""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config

from components.kubernetes_api import KubernetesApi
from pipelines.cluster import kubectl
from pipelines.cluster.kubeflow_api import KubeflowApi
from pipelines.cluster.preflight import Address, check_access
from pipelines.cluster.schedule import EXPERIMENT
from testing.kubectl_double import Cluster, install
from testing.kubeflow_server import kubeflow
from testing.kubernetes_server import apply_overlay, cluster
from tests.manifests.rendered import ROOT

CRDS = {
    "KServe": "inferenceservices.serving.kserve.io",
    "Gateway API": "gateways.gateway.networking.k8s.io",
    "Envoy Gateway": "backendtrafficpolicies.gateway.envoyproxy.io",
    "Knative": "revisions.serving.knative.dev",
    "Trainer": "trainjobs.trainer.kubeflow.org",
    "Prometheus operator": "prometheusrules.monitoring.coreos.com",
}
KUBEFLOW = "Kubeflow Pipelines"
KUBERNETES = "Kubernetes"
PIPELINES = ("broadfast-retrain", "broadfast-experiment")
PROFILE = os.environ.get("BROADFAST_TEST_PROFILE", "broadfast")
PARTS = (KUBERNETES, *CRDS, KUBEFLOW)


class World:
    """What both worlds share: a namespace of the suite's own, and overlays for it."""

    namespace: str
    kubectl: Path
    rollout_s: float

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run the world's kubectl."""
        command = [str(self.kubectl), *words]
        return subprocess.run(command, input=stdin, text=True, capture_output=True, check=True).stdout

    def overlay(self, folder: Path, name: str) -> Path:
        """Write an overlay for the suite's namespace, on top of one of ours, and return its folder."""
        if not (folder / "manifests").exists():
            shutil.copytree(ROOT / "manifests", folder / "manifests")
        path = folder / "manifests" / "overlays" / f"suite-{name}"
        path.mkdir(exist_ok=True)
        rename = [{"op": "replace", "path": "/data/BROADFAST_NAMESPACE", "value": self.namespace}]
        patches = [{"target": {"kind": "ConfigMap", "name": "broadfast-settings"}, "patch": yaml.safe_dump(rename)}]
        document = {"namespace": self.namespace, "resources": [f"../{name}"], "patches": patches}
        (path / "kustomization.yaml").write_text(yaml.safe_dump(document))
        return path

    def names(self, resource: str) -> set[str]:
        """Return the names of the namespace's objects of a kind."""
        answer = json.loads(self.run("get", resource, "-n", self.namespace, "-o", "json"))
        return {item["metadata"]["name"] for item in answer["items"]}


class PretendedWorld(World):
    """Servers of our own, which behave as the real ones were seen to."""

    name = "doubles"
    namespace = "broadfast"
    rollout_s = 0.5

    def __init__(self, folder: Path):
        self.kubectl = install(folder, kubectl.kubectl_path())

    def versions(self) -> dict[str, str]:
        """Return what is there, by part."""
        return dict.fromkeys(PARTS, "double")

    def add_object(self, manifest: dict, manager: str) -> None:
        """Let somebody else apply an object."""
        pretended = Cluster(self.kubectl.parent)
        pretended.put(manifest, manager)
        pretended.save()

    @contextmanager
    def release_api(self) -> Iterator[tuple[KubernetesApi, object]]:
        """Yield a client of the release, and what withdraws and restores the models' Secret."""
        with cluster() as (state, api):
            apply_overlay(state)
            yield KubernetesApi(self.namespace, api), PretendedSecrets(state)

    @contextmanager
    def kubeflow_host(self) -> Iterator[tuple[str, str]]:
        """Yield the address of a Kubeflow server, and a token for it."""
        with kubeflow() as (host, state):
            yield host, state.token or ""

    def close(self) -> None:
        """Leave nothing behind: the folder is the test's."""


class PretendedSecrets:
    """The Secret that KServe reads packages with."""

    def __init__(self, state):
        self.state = state

    def withdraw(self) -> None:
        """Let the Secret be missing."""
        self.state.secrets.discard("broadfast-models")

    def restore(self) -> None:
        """Make it."""
        self.state.secrets.add("broadfast-models")


class RealWorld(World):
    """The cluster of KUBECONFIG, in a namespace of the suite's own, and the Kubeflow server of HOST."""

    name = "real"
    rollout_s = 120.0

    def __init__(self, host: str, token_file: str):
        self.kubectl = Path(kubectl.kubectl_path())
        self.namespace = f"broadfast-suite-{secrets.token_hex(3)}"
        self.host = host
        self.token = Path(token_file).read_text().strip() if token_file else ""

    def versions(self) -> dict[str, str]:
        """Return what is there, by part: Kubernetes' version, and the versions that a kind is served in."""
        version = json.loads(self.run("version", "-o", "json"))["serverVersion"]["gitVersion"]
        found = {KUBERNETES: version} | ({KUBEFLOW: self.host} if self.host else {})
        for part, crd in CRDS.items():
            answer = self.run("get", "crd", crd, "--ignore-not-found", "-o", "json")
            if answer:
                served = [entry["name"] for entry in json.loads(answer)["spec"]["versions"] if entry["served"]]
                found[part] = ", ".join(served)
        return found

    def add_object(self, manifest: dict, manager: str) -> None:
        """Let somebody else apply an object."""
        self.run("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=json.dumps(manifest))

    @contextmanager
    def release_api(self) -> Iterator[tuple[KubernetesApi, object]]:
        """Yield a client of the release, and what withdraws and restores the models' Secret."""
        yield KubernetesApi(self.namespace, config.new_client_from_config()), RealSecrets(self)

    @contextmanager
    def kubeflow_host(self) -> Iterator[tuple[str, str]]:
        """Yield the address of a Kubeflow server without pipelines of ours, and a token for it.

        What a test deployed is deleted afterwards.
        """
        address = Address(self.host, PROFILE, self.token)
        server = KubeflowApi(address, check_access(address).namespace)
        if any(server.find_pipeline(name) for name in PIPELINES):
            pytest.skip(f"{self.host} has pipelines of ours already: they are left alone")
        yield self.host, self.token
        experiment_id = server.ensure_experiment(EXPERIMENT)
        for name in PIPELINES:
            for run in list(server.list_recurring_runs(experiment_id, name)):
                server.delete_recurring_run(run.recurring_run_id)
            if pipeline_id := server.find_pipeline(name):
                server.pipelines.pipeline_service_delete_pipeline(pipeline_id, cascade=True)

    def close(self) -> None:
        """Delete the suite's namespace."""
        self.run("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=false")


class RealSecrets:
    """The Secret that KServe reads packages with."""

    def __init__(self, world: RealWorld):
        self.world = world

    def withdraw(self) -> None:
        """Delete the Secret."""
        self.world.run("delete", "secret", "broadfast-models", "-n", self.world.namespace, "--ignore-not-found")

    def restore(self) -> None:
        """Make it, with keys that nobody uses: fake nodes run no container."""
        metadata = {"name": "broadfast-models", "namespace": self.world.namespace}
        values = {"AWS_ACCESS_KEY_ID": "models", "AWS_SECRET_ACCESS_KEY": "none"}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
        self.world.run("apply", "-f", "-", stdin=json.dumps(manifest))


def open_world(folder: Path) -> World:
    """Return the world that the environment names: doubles, or a cluster by BROADFAST_TEST_KUBECONFIG."""
    path = os.environ.get("BROADFAST_TEST_KUBECONFIG", "")
    if not path:
        return PretendedWorld(folder)
    os.environ["KUBECONFIG"] = path
    client.Configuration.set_default(None)
    return RealWorld(os.environ.get("BROADFAST_TEST_HOST", ""), os.environ.get("BROADFAST_TEST_TOKEN_FILE", ""))
