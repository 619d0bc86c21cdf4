"""A whole release: its state in memory, an API server, doubled or real, and a process that may be killed."""

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

from components.interleaved_versions import interleaved_versions
from components.release import state_machine
from components.release.candidate_health import CandidateHealth
from components.release.context import ReleaseContext
from components.release.decisions import decide
from components.release.knative_router import KnativeRouter
from components.release.kserve import INTERLEAVER, KServe
from components.release.reconciler import FAILURES, PAUSE_S, Reconciler
from components.release.standard_router import StandardRouter
from components.release_state import Intent, ReleaseState
from components.release_store import update_state
from testing.in_process_api import Calls, InProcessApi, Killed
from testing.kubernetes_server import apply_overlay

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ROUNDS = 200  # of the controllers, that a wait is patient for
ROUND_S = 0.5
ROUTERS = {"standard": StandardRouter, "knative": lambda kserve: KnativeRouter(kserve, arms=True)}


class ReleaseRun(ABC):
    """A release whose process may be killed before any of its calls; each cluster says what its requests meet."""

    pause_s = PAUSE_S  # between two passes

    def __init__(self, mode: str, kserve: KServe, calls: Calls):
        self.mode = mode
        self.state = ReleaseState()
        self.kserve = kserve
        self.calls = calls
        self.violations = []
        self.is_served = False
        self.statuses = []  # of requests to the candidate
        self.start = ROUTERS[mode]
        self.restart()

    def restart(self):
        """Start the release's process anew."""
        router = self.start(self.kserve)
        context = ReleaseContext(router, self.wait_ready, lambda version: "", lambda: NOW)
        context = replace(context, request_candidate=lambda: self.statuses)
        self.reconciler = Reconciler(context, self.clock, CandidateHealth(self.clock))

    @abstractmethod
    def clock(self):
        """Return the seconds that passed."""

    @abstractmethod
    def wait(self, seconds):
        """Let time pass."""

    @abstractmethod
    def traffic(self):
        """Return the share of each version among requests without an arm; "" stands for an error."""

    @abstractmethod
    def break_version(self, version):
        """Have the pods of a version not be ready any more."""

    @abstractmethod
    def arm_versions(self, arm):
        """Return the versions that answer a request with an arm."""

    def read(self):
        """Read the state as release_store does."""
        return self.state, str(self.state.revision)

    def write(self, state, etag):
        """Write the state as release_store does."""
        self.calls.take()
        if etag != str(self.state.revision):
            return False
        self.state = state
        return True

    def wait_ready(self, arm, version):
        """Wait until one version alone answers an arm."""
        for _ in range(ROUNDS):
            self.calls.take()
            if self.arm_versions(arm) == {version}:
                return
            self.wait(ROUND_S)
        raise TimeoutError(f"{arm} is not {version}")

    def allowed_share(self, version, state, is_served):
        """Return the share that a version may have by a state; "" stands for nobody who answers."""
        if version == "":
            return 0.0 if is_served else 1.0
        if version == state.stable:
            return 1.0
        if version != state.candidate:
            return 0.0
        intent = state.intent or Intent("none")
        if intent.action in ("promote", state_machine.PROMOTION_BEGUN):
            return 1.0
        ramp_percent = intent.percent if intent.action == "ramp" else 0
        return max(state.traffic_percent, ramp_percent) / 100

    def check_shares(self, traffic):
        """Note each version that has more than its share."""
        for version, share in traffic.items():
            if share > self.allowed_share(version, self.state, self.is_served) + 1e-9:
                self.violations.append((version, share, self.state.intent, self.state.traffic_percent))

    def settle(self, passes=12):
        """Reconcile until nothing is left to be moved, restarting a killed process."""
        for _ in range(passes):
            before = (self.state, self.traffic())
            self.wait(self.pause_s)
            try:
                self.reconciler.reconcile()
                after = (self.state, self.traffic())
                if before == after and not self.state.intent and "" not in after[1]:
                    break
            except Killed:
                self.restart()
            except FAILURES:
                pass  # the next pass goes on
        self.is_served |= "" not in self.traffic()

    def run(self, events, passes=12):
        """Take events one by one, each carried out to its end, and return the number of calls."""
        update_state(lambda state: replace(state, stable="v1"), "baseline registered as stable")
        self.settle(passes)
        for event in events:
            self.take(event)
            self.settle(passes)
        return self.calls.count

    def seconds_until(self, holds, limit_s):
        """Reconcile as release-control's loop does until the traffic is right, and return the seconds it took."""
        began = self.clock()
        while not holds(self.traffic()) and self.clock() - began < limit_s:
            self.wait(PAUSE_S)
            self.reconciler.reconcile()
        return self.clock() - began

    def take(self, event):
        """Write down what a night, a look or a person decides."""
        try:
            if isinstance(event, Intent):
                decide(event)
            else:
                update_state(lambda state: state_machine.release_version(state, event, NOW), "released")
        except Killed:
            self.take(event)


class ReleaseWorld(ReleaseRun):
    """A release on doubles, whose controllers do one round at each of its calls."""

    def __init__(self, mode: str):
        self.api = InProcessApi()
        self.seconds = 0.0
        apply_overlay(self.api.cluster)
        kserve = KServe(self.api, "s3://models/packages", timeout_s=5, rollout_s=5, pause_s=0)
        super().__init__(mode, kserve, self.api.calls)
        self.api.cluster.observe = self.check_shares

    def clock(self):
        """Return the seconds that passed."""
        return self.seconds

    def wait(self, seconds):
        """Let time pass, and the controllers do a round."""
        self.seconds += seconds
        self.api.cluster.step()

    def break_version(self, version):
        """Have the pods of a version not be ready any more."""
        self.api.cluster.unready.add(version)

    def traffic(self):
        """Return what a request without an arm meets."""
        return self.api.cluster.traffic()

    def arm_versions(self, arm):
        """Return the versions that answer a request with an arm."""
        cluster = self.api.cluster
        if ("inferenceservices", "relevance") in cluster.objects:
            if arm == "interleave":
                return self.versions_at_interleaver()
            tag = {"treatment": "latest", "control": "prev"}[arm]
            names = [target["revisionName"] for target in cluster.knative.resolved if target["tag"] == tag]
            versions = {revision.version for revision in cluster.knative.revisions if revision.name in names}
            return versions or set(cluster.traffic())
        if arm == "interleave":
            return self.interleaved_versions()
        backend = cluster.objects[("httproutes", "relevance")]["spec"]["rules"][arm == "control"]["backendRefs"][0]
        controller = cluster.standard.get(backend["name"].removesuffix("-predictor"))
        return set(controller.pods) if controller else set()

    def versions_at_interleaver(self):
        """Return the versions of a page that callers get from the interleaver itself, in Knative mode."""
        size = self.api.cluster.objects["deployments", INTERLEAVER]["spec"].get("replicas", 1)
        stable, candidate = (self.arm_versions(arm) for arm in ("control", "treatment"))
        return {interleaved_versions(*versions) for versions in product(stable, candidate)} if size else set()

    def interleaved_versions(self):
        """Return the versions that an interleaved page is of, stable's without an interleaver."""
        cluster = self.api.cluster
        backend = cluster.objects[("httproutes", "relevance")]["spec"]["rules"][2]["backendRefs"][0]["name"]
        stable, candidate = (self.arm_versions(arm) for arm in ("control", "treatment"))
        if backend != INTERLEAVER:
            return stable
        if not cluster.read(("deployments", INTERLEAVER))["status"]["availableReplicas"]:
            return set()
        return {f"{one}+{other}" for one in stable for other in candidate}
