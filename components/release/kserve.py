"""The InferenceServices and route rules that the release owns, as data; only fields that KServe 0.15 to 0.20 have.

The annotation says RawDeployment and Serverless: names of Standard and Knative mode that all of these versions take.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from components.kubernetes_api import KubernetesApi
from components.release.router import STRIPPED

STABLE, CANDIDATE = "relevance-stable", "relevance-candidate"
MODE = "serving.kserve.io/deploymentMode"
TAGS = "serving.kserve.io/enable-tag-routing"
LABELS = {"app.kubernetes.io/part-of": "broadfast", "app.kubernetes.io/name": "relevance"}
ROLLOUT_S = 600.0  # of pods, to start: images, packages and features are fetched first, one pod after the other
GRACE_S = 60  # a pod's time to answer what is in flight and upload what it recorded


@dataclass(frozen=True)
class Replicas:
    """Pods of each side; the candidate never autoscales, so that its latency is read at a known size."""

    stable: int = 2
    stable_most: int = 6
    candidate: int = 2


SIZES = Replicas()


@dataclass(frozen=True)
class KServe:
    """What both modes speak to: the API server, where versions lie, sizes, and how long is waited."""

    api: KubernetesApi
    packages: str  # as s3://bucket/packages
    replicas: Replicas = SIZES
    timeout_s: float = 60.0  # of a gateway, to follow
    rollout_s: float = ROLLOUT_S

    def storage_uri(self, version: str) -> str:
        """Where KServe fetches a version from."""
        return f"{self.packages}/{version}"

    def wait_rolled_out(self, name: str, version: str) -> None:
        """Wait until an InferenceService as it stands is ready.

        Raises:
            TimeoutError: it is not after `rollout_s`.
        """
        wait(
            lambda: is_rolled_out(self.api.get("InferenceService", name)),
            self.rollout_s,
            f"the InferenceService {name} in {self.api.namespace} does not run {version}",
            f"kubectl describe isvc {name}",
        )


def predictor(storage_uri: str, least: int, most: int) -> dict:
    """A predictor that serves one package with the platform's runtime."""
    return {
        "minReplicas": least,
        "maxReplicas": most,
        "serviceAccountName": "broadfast-serving",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "model": {
            "modelFormat": {"name": "broadfast", "version": "1"},
            "runtime": "broadfast",
            "storageUri": storage_uri,
        },
    }


def service(mode: str, version: str, predictor: dict, annotations: dict | None = None) -> dict:
    """An InferenceService in a mode; its label says which version it is there for."""
    return {
        "metadata": {
            "labels": LABELS | {"broadfast/version": version},
            "annotations": {MODE: mode} | (annotations or {}),
        },
        "spec": {"predictor": predictor},
    }


def inside_rules(percent: int, dark: str) -> list[dict]:
    """The three rules of callers inside: treatment to the candidate, control to stable, no arm by weight.

    `dark` is the service of the treatment arm: stable's, once there is no candidate.
    """
    return [
        {"matches": [_arm("treatment")], "backendRefs": [_backend(dark)]},
        {"matches": [_arm("control")], "backendRefs": [_backend(STABLE)]},
        {"matches": [_all()], "backendRefs": _split(percent, dark)},
    ]


def edge_rules(percent: int, dark: str) -> list[dict]:
    """The one rule of callers outside: by weight, and an arm that they claim is taken off."""
    strip = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": list(STRIPPED)}}
    return [{"matches": [_all()], "filters": [strip], "backendRefs": _split(percent, dark)}]


def weight_of(rules: list[dict]) -> int:
    """Percent of the requests without an arm that these rules send to the second backend, the candidate's."""
    refs = rules[-1]["backendRefs"]
    whole = sum(ref.get("weight", 1) for ref in refs)
    return round(100 * refs[1].get("weight", 1) / whole) if len(refs) == 2 and whole else 0


def _split(percent: int, dark: str) -> list[dict]:
    weights = {STABLE: 100 - percent} | ({dark: percent} if dark != STABLE else {})
    return [_backend(name) | {"weight": weight} for name, weight in weights.items()]


def _backend(name: str) -> dict:
    return {"group": "", "kind": "Service", "name": f"{name}-predictor", "port": 80}


def _all() -> dict:
    return {"path": {"type": "PathPrefix", "value": "/"}}


def _arm(arm: str) -> dict:
    return _all() | {"headers": [{"type": "Exact", "name": "x-arm", "value": arm}]}


def wait(holds: Callable[[], bool], timeout_s: float, otherwise: str, look: str) -> None:
    """Ask twice a second until it holds.

    Raises:
        TimeoutError: it does not; the sentence says what is otherwise, and how to look.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} after {timeout_s:.0f} s: see `{look}`")
        time.sleep(min(0.5, timeout_s))


def is_rolled_out(service: dict | None) -> bool:
    """Whether KServe says that an InferenceService as it stands now is ready, and no older pod of it is left."""
    status = (service or {}).get("status", {})
    ready = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}.get("Ready")
    seen = status.get("observedGeneration", 0) >= (service or {}).get("metadata", {}).get("generation", 0)
    moved = status.get("modelStatus", {}).get("transitionStatus", "UpToDate") == "UpToDate"
    return bool(service) and ready == "True" and seen and moved
