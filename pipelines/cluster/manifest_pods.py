"""The pods that manifests make, whatever kind of object has them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")
API_CALLERS = ("broadfast-release", "broadfast-pipeline")  # service accounts of what asks the API server


@dataclass(frozen=True)
class Pod:
    """A pod's specification, its labels (none where its owner gives them later), and whose it is."""

    name: str
    labels: dict
    spec: dict

    @property
    def containers(self) -> list[dict]:
        """All of them, those that come first too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def security(self) -> dict:
        """What the pod says for all of its containers."""
        return self.spec.get("securityContext", {})

    @property
    def needs_token(self) -> bool:
        """Whether it asks the API server for something."""
        return self.spec.get("serviceAccountName") in API_CALLERS


def pods(objects: Sequence[dict]) -> Iterator[Pod]:
    """Every pod that these objects make."""
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield Pod(name, one["metadata"].get("labels", {}), one["spec"])
        elif one["kind"] in TEMPLATED:
            yield _of_template(name, one["spec"]["template"])
        elif one["kind"] == "CronJob":
            yield _of_template(name, one["spec"]["jobTemplate"]["spec"]["template"])
        elif one["kind"] == "ServingRuntime":  # KServe adds the rest, and the InferenceService says the token
            labels = {"serving.kserve.io/inferenceservice": "any", "app.kubernetes.io/part-of": "broadfast"}
            yield Pod(name, labels, {"automountServiceAccountToken": False} | one["spec"])
        elif one["kind"] == "ClusterTrainingRuntime":
            for job in one["spec"]["template"]["spec"]["replicatedJobs"]:
                yield _of_template(f"{name}/{job['name']}", job["template"]["spec"]["template"])


def _of_template(name: str, template: dict) -> Pod:
    return Pod(name, template["metadata"].get("labels", {}), template["spec"])
