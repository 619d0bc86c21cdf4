"""Traffic on KServe in Knative mode: one InferenceService, whose newest revision takes `canaryTrafficPercent`.

A request picks a side by Knative's header of tags (`Knative-Serving-Tag`: latest, prev) where the cluster routes by it.
"""

from collections.abc import Callable

from components.kubernetes_api import KubernetesApi
from components.release import kserve
from components.release.kserve import Replicas
from components.release.router import DIFFERENT, whole_percent
from components.release.standard_router import ROLLOUT_S, is_rolled_out, wait

MODE = "Serverless"
NAME = "relevance"
SIZES = Replicas()
PERCENT = "canaryTrafficPercent"


class KnativeRouter:
    """Server-side apply of the one InferenceService; Knative's traffic in its status says what is served."""

    def __init__(
        self,
        api: KubernetesApi,
        packages: str,
        arms: bool,
        replicas: Replicas = SIZES,
        timeout_s: float = 60.0,
        rollout_s: float = ROLLOUT_S,
    ):
        """`packages` is where versions lie; `arms`, whether the cluster's feature tag-header-based-routing is on."""
        self.api, self.packages, self.arms = api, packages, arms
        self.replicas, self.timeout_s, self.rollout_s = replicas, timeout_s, rollout_s

    def serve(self, stable: str | None, candidate: str | None) -> None:
        """Have both sides run: stable alone, or a candidate beside it, which gets no traffic yet."""
        running = self._running()
        if not stable:
            return
        if not candidate:
            if running != stable or self._asked() is not None:
                self._apply(stable, None)
        elif running != candidate:
            if running != stable or self._asked() is not None:  # Knative splits with what was rolled out before
                self._apply(stable, None)
                self._wait_rolled_out(stable)
            self._apply(candidate, 0)

    def set_traffic(self, percent: int) -> None:
        """Give the newest revision its share, and wait until Knative serves it.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100, or there is no candidate to get it.
            TimeoutError: Knative serves something else after `timeout_s`.
        """
        whole_percent(percent)
        running = self._running()
        if self._asked() is None:  # one version alone has all traffic, and nothing is to be split
            if percent not in (0, 100):
                raise ValueError(f"{NAME} runs {running or 'nothing'} alone: there is no candidate to get {percent}%")
            return
        self._apply(running, percent)
        self._wait(lambda: self.read_back() == percent, f"does not give its newest revision {percent}%", self.timeout_s)

    def promote(self, version: str) -> None:
        """Let the newest revision, which runs `version`, be the only one.

        Raises:
            TimeoutError: it is not rolled out after `rollout_s`; the next look goes on.
        """
        self._apply(version, None)
        self._wait_rolled_out(version)

    def roll_back(self) -> None:
        """Send every request without a tag to the revision before."""
        self.set_traffic(0)

    def read_back(self) -> int:
        """The newest revision's share, as Knative says; 0 where one version runs alone, `DIFFERENT` in between."""
        service = self._service()
        if self._asked(service) is None:
            return 0
        if service.get("status", {}).get("observedGeneration", 0) < service["metadata"].get("generation", 0):
            return DIFFERENT
        traffic = service["status"].get("components", {}).get("predictor", {}).get("traffic", [])
        newest = [target.get("percent", 0) for target in traffic if target.get("latestRevision")]
        return newest[0] if len(newest) == 1 else DIFFERENT

    def is_ready(self) -> bool:
        """Whether the newest revision can answer; what there is to know where no header reaches it."""
        predictor = (self._service() or {}).get("status", {}).get("components", {}).get("predictor", {})
        created = predictor.get("latestCreatedRevision")
        return bool(created) and created == predictor.get("latestReadyRevision")

    def _service(self) -> dict | None:
        return self.api.get("InferenceService", NAME)

    def _asked(self, service: dict | None = None) -> int | None:
        service = service or self._service()
        return service["spec"]["predictor"].get(PERCENT) if service else None

    def _running(self) -> str:
        return (self._service() or {}).get("metadata", {}).get("labels", {}).get("broadfast/version", "")

    def _apply(self, version: str, percent: int | None) -> None:
        uri = f"{self.packages}/{version}"
        predictor = kserve.predictor(uri, self.replicas.stable, self.replicas.stable_most)
        predictor |= {} if percent is None else {PERCENT: percent}
        self.api.apply("InferenceService", NAME, kserve.service(MODE, version, predictor, {kserve.TAGS: "true"}))

    def _wait_rolled_out(self, version: str) -> None:
        self._wait(lambda: is_rolled_out(self._service()), f"does not run {version}", self.rollout_s)

    def _wait(self, holds: Callable[[], bool], otherwise: str, timeout_s: float) -> None:
        what = f"the InferenceService {NAME} in {self.api.namespace} {otherwise}"
        wait(holds, timeout_s, what, f"kubectl describe isvc {NAME}")
