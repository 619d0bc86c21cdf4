"""The InferenceServices that the release owns, as data; only fields that KServe 0.15 to 0.20 have.

The annotation says RawDeployment and Serverless: names of Standard and Knative mode that all of these versions take.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from components.kubernetes_api import KubernetesApi
from components.release.readiness import ROLLOUT_S
from components.waiting import wait_until

STABLE = "relevance-stable"
CANDIDATE = "relevance-candidate"
INTERLEAVER = "relevance-interleaver"  # a Deployment of the overlay, whose size is the release's
MODE = "serving.kserve.io/deploymentMode"
TAGS = "serving.kserve.io/enable-tag-routing"
VERSION = "broadfast/version"  # a label, which KServe hands on to Deployments, Revisions and pods
LABELS = {"app.kubernetes.io/part-of": "broadfast", "app.kubernetes.io/name": "relevance"}
GRACE_S = 60  # a pod's time to answer what is in flight and upload what it recorded


@dataclass(frozen=True)
class Replicas:
    """Pods of each side.

    The candidate never autoscales, so that its latency is read at a known size.
    """

    stable: int = 2
    stable_most: int = 6
    candidate: int = 2
    interleaver: int = 2


SIZES = Replicas()


@dataclass(frozen=True)
class KServe:
    """What both modes need: the API server, where versions lie, sizes and timeouts."""

    api: KubernetesApi
    packages: str  # as s3://bucket/packages
    replicas: Replicas = SIZES
    timeout_s: float = 60.0  # of a gateway, to follow
    rollout_s: float = ROLLOUT_S
    pause_s: float = 0.5  # between two looks

    def storage_uri(self, version: str) -> str:
        """Return where KServe fetches a version from.

        KServe's storage code matches objects by prefix: without the slash `v1` would fetch `v10`, too.
        """
        return f"{self.packages}/{version}/"

    def wait(self, problem: Callable[[], str], timeout_s: float, command: str) -> None:
        """Wait until there is no problem left.

        An API server that is away for a while is a problem that may pass.

        Raises:
            TimeoutError: there is; with the problem, and a command that shows more.
        """

        def look() -> str:
            try:
                return problem()
            except ConnectionError as error:
                return str(error)

        sentence = wait_until(look, lambda text: not text, timeout_s, min(self.pause_s, timeout_s))
        if sentence:
            raise TimeoutError(f"{sentence} after {timeout_s:.0f} s: see `{command}`")


def predictor(storage_uri: str, least: int, most: int) -> dict:
    """Return a predictor that serves one package with the platform's runtime."""
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


def inference_service(mode: str, version: str, predictor: Mapping, annotations: Mapping | None = None) -> dict:
    """Return an InferenceService in a mode, labelled with its version."""
    return {
        "metadata": {
            "labels": LABELS | {VERSION: version},
            "annotations": {MODE: mode} | dict(annotations or {}),
        },
        "spec": {"predictor": predictor},
    }
