"""Traffic on KServe in Knative mode: one InferenceService, whose newest revision takes `canaryTrafficPercent`.

A request picks a side by Knative's header of tags (`Knative-Serving-Tag`: latest, prev) where the cluster routes by it.
"""

from components.release import kserve
from components.release.kserve import KServe, wait
from components.release.router import UNSETTLED, whole_percent

MODE = "Serverless"
NAME = "relevance"
PERCENT = "canaryTrafficPercent"


class KnativeRouter:
    """Server-side apply of the one InferenceService; Knative's traffic in its status says what is served."""

    def __init__(self, kserve: KServe, arms: bool):
        """`arms`: whether the cluster's feature tag-header-based-routing is on."""
        self.kserve, self.api, self.arms = kserve, kserve.api, arms

    def serve(self, stable: str | None, candidate: str | None) -> None:
        """Have both sides run: stable alone, or a candidate beside it, which gets no traffic yet.

        Raises:
            TimeoutError: stable, with which Knative is to split, is not rolled out in time; the next look goes on.
        """
        running, percent = asked(self._service())
        if not stable or (candidate and running == candidate):
            return
        if (running, percent) != (stable, None):
            self._apply(stable, None)
        if candidate:
            self.kserve.wait_rolled_out(NAME, stable)
            self._apply(candidate, 0)

    def set_traffic(self, percent: int) -> None:
        """Give the newest revision its share, and wait until Knative serves it.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100, or there is no candidate to get it.
            TimeoutError: Knative serves something else in time.
        """
        whole_percent(percent)
        running, share = asked(self._service())
        if share is None:  # one version alone has all traffic, and nothing is to be split
            if percent not in (0, 100):
                raise ValueError(f"{NAME} runs {running or 'nothing'} alone: there is no candidate to get {percent}%")
            return
        self._apply(running, percent)
        wait(
            lambda: self.read_back() == percent,
            self.kserve.timeout_s,
            f"the InferenceService {NAME} in {self.api.namespace} does not give its newest revision {percent}%",
            f"kubectl describe isvc {NAME}",
        )

    def promote(self, version: str) -> None:
        """Let the newest revision, which runs `version`, be the only one.

        Raises:
            TimeoutError: it is not rolled out in time; the next look goes on.
        """
        self._apply(version, None)
        self.kserve.wait_rolled_out(NAME, version)

    def roll_back(self) -> None:
        """Send every request without a tag to the revision before."""
        self.set_traffic(0)

    def read_back(self) -> int:
        """The newest revision's share, as Knative says; 0 where one version runs alone, `UNSETTLED` in between."""
        service = self._service()
        if asked(service)[1] is None:
            return 0
        if service.get("status", {}).get("observedGeneration", 0) < service["metadata"].get("generation", 0):
            return UNSETTLED
        traffic = service["status"].get("components", {}).get("predictor", {}).get("traffic", [])
        newest = [target.get("percent", 0) for target in traffic if target.get("latestRevision")]
        return newest[0] if len(newest) == 1 else UNSETTLED

    def is_ready(self) -> bool:
        """Whether the newest revision can answer; what there is to know where no header reaches it."""
        predictor = (self._service() or {}).get("status", {}).get("components", {}).get("predictor", {})
        created = predictor.get("latestCreatedRevision")
        return bool(created) and created == predictor.get("latestReadyRevision")

    def _service(self) -> dict | None:
        return self.api.get("InferenceService", NAME)

    def _apply(self, version: str, percent: int | None) -> None:
        sizes = self.kserve.replicas
        predictor = kserve.predictor(self.kserve.storage_uri(version), sizes.stable, sizes.stable_most)
        predictor |= {} if percent is None else {PERCENT: percent}
        self.api.apply("InferenceService", NAME, kserve.service(MODE, version, predictor, {kserve.TAGS: "true"}))


def asked(service: dict | None) -> tuple[str, int | None]:
    """The version that an InferenceService is to run, and its share; no share where it is alone."""
    if not service:
        return "", None
    return service["metadata"]["labels"]["broadfast/version"], service["spec"]["predictor"].get(PERCENT)
