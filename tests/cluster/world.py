"""What a test asks of a world, and what doubles and real clusters share."""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import yaml

from tests.manifests.rendered import ROOT

CRDS = {
    "KServe": "inferenceservices.serving.kserve.io",
    "Gateway API": "gateways.gateway.networking.k8s.io",
    "Envoy Gateway": "backendtrafficpolicies.gateway.envoyproxy.io",
    "Knative": "revisions.serving.knative.dev",
    "Trainer": "trainjobs.trainer.kubeflow.org",
    "Prometheus operator": "prometheusrules.monitoring.coreos.com",
}
CERTIFICATE = "relevance-tls"
IMAGES = "registry.internal/suite"
KUBEFLOW = "Kubeflow Pipelines"
KUBERNETES = "Kubernetes"
PIPELINES = ("broadfast-retrain", "broadfast-experiment")
PROFILE = os.environ.get("BROADFAST_TEST_PROFILE", "broadfast")
KILLS = int(os.environ.get("BROADFAST_TEST_KILLS", "6"))
PARTS = (KUBERNETES, *CRDS, KUBEFLOW)


class World:
    """What both worlds share: a namespace of the suite's own, and overlays for it."""

    namespace: str
    kubectl: Path
    rollout_s: float
    tally: Counter  # of releases, kills and samples
    figures: dict[str, float]  # of what was timed

    def choose_kills(self, calls: int) -> list[int]:
        """Return the calls before which a release that makes so many is killed, evenly spread, the last one too."""
        count = min(KILLS, calls - 1)
        return [calls - round(number * (calls - 2) / count) for number in range(count)]

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run the world's kubectl."""
        command = [str(self.kubectl), *words]
        return subprocess.run(command, input=stdin, text=True, capture_output=True, check=True).stdout

    def overlay(self, folder: Path, name: str, *components: str) -> Path:
        """Write an overlay for the suite's namespace, one of ours with components, and return its folder."""
        if not (folder / "manifests").exists():
            shutil.copytree(ROOT / "manifests", folder / "manifests")
        path = folder / "manifests" / "overlays" / f"suite-{name}"
        path.mkdir(exist_ok=True)
        rename = [{"op": "replace", "path": "/data/BROADFAST_NAMESPACE", "value": self.namespace}]
        patches = [{"target": {"kind": "ConfigMap", "name": "broadfast-settings"}, "patch": yaml.safe_dump(rename)}]
        document = {"namespace": self.namespace, "resources": [f"../{name}"], "patches": patches}
        document["components"] = [f"../../components/{component}" for component in components]
        (path / "kustomization.yaml").write_text(yaml.safe_dump(document))
        return path

    def names(self, resource: str) -> set[str]:
        """Return the names of the namespace's objects of a kind."""
        answer = json.loads(self.run("get", resource, "-n", self.namespace, "-o", "json"))
        return {item["metadata"]["name"] for item in answer["items"]}
