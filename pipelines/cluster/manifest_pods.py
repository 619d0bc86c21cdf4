"""The pods that manifests make, whatever kind of object has them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")
TRAINING_RUNTIMES = ("TrainingRuntime", "ClusterTrainingRuntime")
API_CALLERS = ("broadfast-release", "broadfast-pipeline")  # service accounts that call the API server


@dataclass(frozen=True)
class Pod:
    """A pod's specification, its owner, and its labels (none where its owner sets them later)."""

    name: str
    labels: dict
    spec: dict

    @property
    def containers(self) -> list[dict]:
        """Return all containers, init containers first."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def security(self) -> dict:
        """Return the security context of all its containers."""
        return self.spec.get("securityContext", {})

    @property
    def needs_token(self) -> bool:
        """Return whether it calls the API server."""
        return self.spec.get("serviceAccountName") in API_CALLERS


def pods(objects: Sequence[dict]) -> Iterator[Pod]:
    """Yield every pod that these objects make."""
    for manifest in objects:
        name = full_name(manifest)
        if manifest["kind"] == "Pod":
            yield Pod(name, manifest["metadata"].get("labels", {}), manifest["spec"])
        elif manifest["kind"] in TEMPLATED:
            yield _from_template(name, manifest["spec"]["template"])
        elif manifest["kind"] == "CronJob":
            yield _from_template(name, manifest["spec"]["jobTemplate"]["spec"]["template"])
        elif manifest["kind"] == "ServingRuntime":  # KServe adds the rest, and the InferenceService the account
            labels = {"serving.kserve.io/inferenceservice": "any", "app.kubernetes.io/part-of": "broadfast"}
            yield Pod(name, labels, {"automountServiceAccountToken": False} | manifest["spec"])
        elif manifest["kind"] == "LLMInferenceService":  # KServe adds labels of its own
            yield Pod(name, manifest["spec"].get("labels", {}), manifest["spec"]["template"])
        elif manifest["kind"] in TRAINING_RUNTIMES:
            for job in manifest["spec"]["template"]["spec"]["replicatedJobs"]:
                yield _from_template(f"{name}/{job['name']}", job["template"]["spec"]["template"])


def pod_containers(objects: Sequence[dict]) -> Iterator[tuple[Pod, dict]]:
    """Yield every container with its pod."""
    for pod in pods(objects):
        for container in pod.containers:
            yield pod, container


def full_name(manifest: dict) -> str:
    """Return an object's kind and name, as kind/name."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _from_template(name: str, template: dict) -> Pod:
    return Pod(name, template["metadata"].get("labels", {}), template["spec"])
