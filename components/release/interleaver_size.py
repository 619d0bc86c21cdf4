"""How many pods of the interleaver run: some while pages are interleaved.

An overlay holds the Deployment, and says nothing of its size: that field is the release's alone.
"""

from dataclasses import dataclass

from components.json_path import read_path
from components.release.kserve import INTERLEAVER, KServe


@dataclass(frozen=True)
class InterleaverSize:
    """Starts and stops the interleaver's pods."""

    kserve: KServe

    def start(self) -> None:
        """Have the pods run, where an overlay has an interleaver at all."""
        self._set(self.kserve.replicas.interleaver)

    def wait(self) -> None:
        """Wait until a pod is available, at most as long as for a route.

        Raises:
            TimeoutError: none is in time, or the overlay has no interleaver.
        """
        self.kserve.wait(self._problem, self.kserve.timeout_s, f"kubectl describe deployment {INTERLEAVER}")

    def stop(self) -> None:
        """Have no pod run."""
        self._set(0)

    def _set(self, replicas: int) -> None:
        deployment = self._deployment()
        if deployment and read_path(deployment, "spec", "replicas") != replicas:
            self.kserve.api.apply("Deployment", INTERLEAVER, {"spec": {"replicas": replicas}})

    def _deployment(self) -> dict | None:
        return self.kserve.api.get("Deployment", INTERLEAVER)

    def _problem(self) -> str:
        namespace = self.kserve.api.namespace
        deployment = self._deployment()
        if not deployment:
            return f"there is no Deployment {INTERLEAVER} in {namespace}: run `make deploy-platform`"
        if not read_path(deployment, "status", "availableReplicas"):
            return f"no pod of the Deployment {INTERLEAVER} in {namespace} is available"
        return ""
