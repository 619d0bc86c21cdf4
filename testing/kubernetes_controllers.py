"""What KServe's, Knative's and Kubernetes' controllers make of an InferenceService, one reconcile at a time.

Each `step` is one round of all controllers. What a request meets at any moment is in `traffic`.
"""

from collections import Counter
from dataclasses import dataclass, field

VERSION = "broadfast/version"
PERCENT = "canaryTrafficPercent"


def ready_condition(is_ready: bool) -> dict:
    """Return a Ready condition."""
    return {"type": "Ready", "status": "True" if is_ready else "False"}


@dataclass
class StandardController:
    """The Deployment of one InferenceService, whose pods are replaced one by one."""

    name: str
    pods: list[str] = field(default_factory=list)  # the version of each
    version: str = ""
    labels: dict = field(default_factory=dict)
    generation: int = 0
    unready: set[str] = field(default_factory=set)
    refusal: str = ""  # of new pods, by a webhook

    def step(self, service: dict, starts_pods: bool, unready: set[str]) -> None:
        """Take the InferenceService's template, and replace one pod."""
        self.unready = set(unready)
        self.labels = service["metadata"]["labels"]
        if self.labels[VERSION] != self.version:
            self.version = self.labels[VERSION]
            self.generation += 1
        replicas = service["spec"]["predictor"]["minReplicas"]
        if not starts_pods or self.version in unready:
            return
        if len(self.pods) < replicas:
            self.pods.append(self.version)
        elif set(self.pods) != {self.version}:
            self.pods.remove(next(pod for pod in self.pods if pod != self.version))
            self.pods.append(self.version)

    def status(self) -> dict:
        """Return the InferenceService's status; its observedGeneration is the Deployment's."""
        return {"observedGeneration": self.generation, "conditions": [ready_condition(bool(self.pods))]}

    def deployment(self, replicas: int) -> dict:
        """Return the Deployment."""
        updated = self.pods.count(self.version)
        return {
            "metadata": {"name": f"{self.name}-predictor", "generation": self.generation},
            "spec": {"replicas": replicas, "template": {"metadata": {"labels": self.labels}}},
            "status": {
                "observedGeneration": self.generation,
                "replicas": len(self.pods),
                "updatedReplicas": updated,
                "availableReplicas": sum(version not in self.unready for version in self.pods),
                "conditions": self.conditions(),
            },
        }

    def conditions(self) -> list[dict]:
        """Return what the Deployment says of pods that are refused."""
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": self.refusal}
        return [failure] if self.refusal else []

    def traffic(self) -> dict[str, float]:
        """Return the share of each version among the requests that reach the service: of its ready pods."""
        pods = [version for version in self.pods if version not in self.unready]
        return {version: count / len(pods) for version, count in Counter(pods).items()}


@dataclass
class Revision:
    """A revision of the Knative Service."""

    name: str
    version: str
    is_ready: bool = False  # was so once: Knative's newest ready revision never goes back
    is_down: bool = False


@dataclass
class KnativeController:
    """The Knative Service of one InferenceService: revisions, their traffic, and KServe's status of them."""

    revisions: list[Revision] = field(default_factory=list)
    template: str = ""  # the version in the Knative Service's template
    targets: list[dict] = field(default_factory=list)  # its traffic, as KServe wrote it
    resolved: list[dict] = field(default_factory=list)  # its traffic, as its Route serves it
    generation: int = 0
    created: str = ""  # this and the next three: KServe's status of its component
    ready: str = ""
    rolled_out: str = ""
    previous: str = ""
    refusal: str = ""  # of new pods, by a webhook

    def step(self, service: dict, starts_pods: bool, unready: set[str]) -> None:
        """Let KServe write the Knative Service, Knative follow, and KServe read its status."""
        self._write_service(service)
        self._follow(starts_pods, unready)
        self._read_status()

    def _write_service(self, service: dict) -> None:
        version = service["metadata"]["labels"][VERSION]
        targets = self._kserve_targets(service["spec"]["predictor"].get(PERCENT))
        if (version, targets) != (self.template, self.targets):
            self.generation += 1
        self.template = version
        self.targets = targets

    def _kserve_targets(self, percent: int | None) -> list[dict]:
        if percent is None or not self.rolled_out:
            return [{"latestRevision": True, "percent": 100, "tag": "latest"}]
        newest = {"latestRevision": True, "percent": percent, "tag": "latest"}
        if percent == 100:
            return [newest]
        return [newest, {"revisionName": self.rolled_out, "percent": 100 - percent, "tag": "prev"}]

    def _follow(self, starts_pods: bool, unready: set[str]) -> None:
        for revision in self.revisions:
            revision.is_down = revision.version in unready
            revision.is_ready |= starts_pods and not revision.is_down
        if not self.revisions or self.revisions[-1].version != self.template:
            self.revisions.append(Revision(f"relevance-predictor-{len(self.revisions) + 1:05d}", self.template))
        ready = [revision.name for revision in self.revisions if revision.is_ready]
        if ready:
            self.resolved = [{"revisionName": ready[-1]} | target for target in self.targets]

    def _read_status(self) -> None:
        ready = [revision.name for revision in self.revisions if revision.is_ready]
        self.created = self.revisions[-1].name
        self.ready = ready[-1] if ready else ""
        percents = Counter()
        for target in self.resolved:
            percents[target["revisionName"]] += target["percent"]
        newest = next((target for target in self.resolved if target.get("latestRevision")), None)
        if not newest or newest["revisionName"] != self.ready:
            return
        if self.rolled_out != self.ready and newest["percent"] == 100:
            self.previous = self.rolled_out
            self.rolled_out = self.ready
        elif self.rolled_out == self.ready == self.created and newest["percent"] < percents[self.ready] == 100:
            self.rolled_out = self.previous or self.rolled_out  # split over one revision: KServe goes back

    def status(self) -> dict:
        """Return the InferenceService's status; its observedGeneration is the Knative Service's."""
        component = {
            "latestCreatedRevision": self.created,
            "latestReadyRevision": self.ready,
            "latestRolledoutRevision": self.rolled_out,
            "previousRolledoutRevision": self.previous,
            "traffic": self.resolved,
        }
        return {
            "observedGeneration": self.generation,
            "conditions": [ready_condition(self.created == self.ready)],
            "components": {"predictor": component},
        }

    def revision(self, name: str) -> dict | None:
        """Return a Revision by its name."""
        for revision in self.revisions:
            if revision.name == name:
                labels = {VERSION: revision.version}
                conditions = [ready_condition(revision.is_ready and not revision.is_down)]
                return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}
        return None

    def traffic(self) -> dict[str, float]:
        """Return the share of each version among the requests without a tag."""
        versions = {revision.name: revision.version for revision in self.revisions}
        shares = Counter()
        for target in self.resolved:
            shares[versions[target["revisionName"]]] += target["percent"] / 100
        return {version: share for version, share in shares.items() if share}
