"""Traffic on KServe in Knative mode: one InferenceService, whose newest revision takes `canaryTrafficPercent`.

Without a percentage Knative sends everything to the newest revision that is ready, whatever version that is. So stable
comes back as a canary of 0% first, and has its percentage taken away only once its own revision is ready.
A request picks a side by Knative's header of tags (`Knative-Serving-Tag`: latest, prev) where the cluster routes by it.
Knative's routes know no service but its own, so callers send pages that are to be interleaved straight to the
interleaver.
"""

from collections.abc import Callable
from dataclasses import dataclass

from components.json_path import read_path
from components.release import kserve
from components.release.interleaver_size import InterleaverSize
from components.release.kserve import VERSION, KServe
from components.release.router import UNSETTLED, whole_percent

MODE = "Serverless"
NAME = "relevance"
PERCENT = "canaryTrafficPercent"


@dataclass(frozen=True)
class DesiredRevision:
    """The version that the InferenceService is to run, and its share, if any."""

    version: str = ""
    percent: int | None = None


class KnativeRouter:
    """Applies the one InferenceService, and reads back revisions and their traffic."""

    def __init__(self, kserve: KServe, arms: bool):
        """`arms`: whether the cluster's feature tag-header-based-routing is on."""
        self.kserve = kserve
        self.api = kserve.api
        self.arms = arms
        self.interleaver = InterleaverSize(kserve)
        self.stable = None  # both as `serve` was asked last
        self.candidate = None

    @property
    def can_interleave(self) -> bool:
        """Return whether an interleaver can ask both sides: by their tags."""
        return self.arms

    def serve(self, stable: str | None, candidate: str | None, interleaves: bool = False) -> None:
        """Have stable run alone, or a candidate as the newest revision without traffic.

        An interleaver stays once it was started, and answers as stable where there is no candidate: no route could
        take callers away from it before its pods go.

        Raises:
            TimeoutError: stable, with which Knative is to split, is not rolled out in time; the next look goes on.
        """
        self.stable = stable
        self.candidate = candidate
        if not stable:
            self.interleaver.stop()
            return
        if interleaves:
            self.interleaver.start()
        spec = self._read_spec()
        if candidate and spec.version == candidate:
            return
        if spec != DesiredRevision(stable):
            self._restore(stable, spec)
        if candidate:
            self._wait_rolled_out(stable)
            self._apply(candidate, 0)

    def _restore(self, stable: str, spec: DesiredRevision) -> None:
        """Make stable the newest revision, and the only one, without traffic for any other version."""
        if spec.version:
            if spec != DesiredRevision(stable, 0):
                self._apply(stable, 0)
            self._wait(lambda: self.candidate_problem(stable))
        self._apply(stable, None)

    def set_traffic(self, percent: int) -> None:
        """Give the newest revision its share, and wait until Knative serves it.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100, or there is no candidate to get it.
            TimeoutError: Knative serves something else in time.
        """
        whole_percent(percent)
        spec = self._read_spec()
        if spec.percent is None:  # one version alone has all traffic, and nothing is to be split
            if percent not in (0, 100):
                raise ValueError(
                    f"{NAME} runs {spec.version or 'nothing'} alone: there is no candidate to get {percent}%"
                )
            return
        self._apply(spec.version, percent)
        self.kserve.wait(lambda: self._traffic_problem(percent), self.kserve.timeout_s, f"kubectl describe isvc {NAME}")

    def promote(self, version: str) -> None:
        """Let the newest revision, which runs `version`, be the only one.

        Raises:
            TimeoutError: it is not rolled out in time; the next look goes on.
        """
        self._apply(version, None)
        self._wait_rolled_out(version)

    def roll_back(self) -> None:
        """Send every request without a tag to the revision before."""
        self.set_traffic(0)

    def read_back(self) -> int:
        """Return the candidate's share as Knative serves it, `UNSETTLED` in between."""
        percents = self._percent_by_version(self.api.get("InferenceService", NAME))
        if sum(percents.values()) != 100:
            return UNSETTLED
        if self.candidate:
            return percents.get(self.candidate, 0)
        return 100 - percents.get(self.stable, 0)

    def candidate_problem(self, version: str) -> str:
        """Return why the newest revision is not a ready one of `version`, if so."""
        predictor = read_path(self.api.get("InferenceService", NAME), "status", "components", "predictor") or {}
        newest = predictor.get("latestCreatedRevision")
        subject = f"the newest revision of {NAME} in {self.api.namespace} is no ready one of {version}"
        if not newest or self._version(newest) != version:
            return f"{subject}: KServe has not made it yet"
        if predictor.get("latestReadyRevision") != newest:
            return f"{subject}: {newest} is not ready"
        return ""

    def candidate_outage(self, version: str) -> str:
        """Return why no pod of the candidate is available, "" if one is."""
        predictor = read_path(self.api.get("InferenceService", NAME), "status", "components", "predictor") or {}
        revision = self.api.get("Revision", predictor.get("latestCreatedRevision") or NAME)
        conditions = read_path(revision, "status", "conditions") or []
        statuses = {condition.get("type"): condition.get("status") for condition in conditions}
        if statuses.get("Ready") == "False" or read_path(revision, "status", "actualReplicas") == 0:
            return f"no pod of the newest revision of {NAME} in {self.api.namespace} is available"
        return ""

    def _wait_rolled_out(self, version: str) -> None:
        self._wait(lambda: self._rollout_problem(version))

    def _rollout_problem(self, version: str) -> str:
        """Return why not all traffic is on the newest revision, one of `version`.

        An InferenceService's own observedGeneration is the Knative Service's, and tells nothing of its last change.
        """
        problem = self.candidate_problem(version)
        if problem:
            return problem
        service = self.api.get("InferenceService", NAME)
        predictor = read_path(service, "status", "components", "predictor") or {}
        if predictor.get("latestRolledoutRevision") != predictor.get("latestReadyRevision"):
            return f"the InferenceService {NAME} in {self.api.namespace} does not run {version} alone yet"
        if self._percent_by_version(service) != {version: 100}:
            return f"Knative does not send all traffic of {NAME} in {self.api.namespace} to {version} yet"
        return ""

    def _traffic_problem(self, percent: int) -> str:
        served_percent = self.read_back()
        if served_percent == percent:
            return ""
        subject = f"the InferenceService {NAME} in {self.api.namespace} does not give its newest revision {percent}%"
        return subject if served_percent == UNSETTLED else f"{subject} but {served_percent}%"

    def _percent_by_version(self, service: dict | None) -> dict[str, int]:
        """Return the percentage of requests without a tag that each version gets."""
        percents = {}
        for target in read_path(service, "status", "components", "predictor", "traffic") or []:
            percent = target.get("percent") or 0
            if percent:
                version = self._version(target.get("revisionName"))
                percents[version] = percents.get(version, 0) + percent
        return percents

    def _version(self, revision: str) -> str:
        return read_path(self.api.get("Revision", revision), "metadata", "labels", VERSION) or ""

    def _read_spec(self) -> DesiredRevision:
        service = self.api.get("InferenceService", NAME)
        version = read_path(service, "metadata", "labels", VERSION) or ""
        return DesiredRevision(version, read_path(service, "spec", "predictor", PERCENT))

    def _wait(self, problem: Callable[[], str]) -> None:
        self.kserve.wait(problem, self.kserve.rollout_s, f"kubectl describe isvc {NAME}")

    def _apply(self, version: str, percent: int | None) -> None:
        sizes = self.kserve.replicas
        predictor = kserve.predictor(self.kserve.storage_uri(version), sizes.stable, sizes.stable_most)
        predictor |= {} if percent is None else {PERCENT: percent}
        annotations = {kserve.TAGS: "true"}
        self.api.apply("InferenceService", NAME, kserve.inference_service(MODE, version, predictor, annotations))
