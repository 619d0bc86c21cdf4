"""A whole release on doubles: its state in memory, the API server, and a process that may be killed."""

from dataclasses import replace
from datetime import UTC, datetime

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
from testing.in_process_api import InProcessApi, Killed
from testing.kubernetes_server import apply_overlay

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ROUNDS = 200  # of the controllers, that a wait is patient for
ROUTERS = {"standard": StandardRouter, "knative": lambda kserve: KnativeRouter(kserve, arms=True)}


class ReleaseWorld:
    """A release on doubles: the state in memory, the API server, and the process that may be killed."""

    def __init__(self, mode: str):
        self.mode = mode
        self.state = ReleaseState()
        self.api = InProcessApi()
        self.violations = []
        self.is_served = False
        self.statuses = []  # of requests to the candidate
        self.seconds = 0.0
        self.kserve = KServe(self.api, "s3://models/packages", timeout_s=5, rollout_s=5, pause_s=0)
        self.start = ROUTERS[mode]
        apply_overlay(self.api.cluster)
        self.api.cluster.observe = self.check_shares
        self.restart()

    def restart(self):
        """Start the release's process anew."""
        router = self.start(self.kserve)
        context = ReleaseContext(router, self.wait_ready, lambda version: "", lambda: NOW)
        context = replace(context, request_candidate=lambda: self.statuses)
        self.reconciler = Reconciler(context, self.clock, CandidateHealth(self.clock))

    def clock(self):
        """Return the seconds that passed."""
        return self.seconds

    def read(self):
        """Read the state as release_store does."""
        return self.state, str(self.state.revision)

    def write(self, state, etag):
        """Write the state as release_store does."""
        self.api.calls.take()
        if etag != str(self.state.revision):
            return False
        self.state = state
        return True

    def wait_ready(self, arm, version):
        """Wait until one version alone answers an arm."""
        for _ in range(ROUNDS):
            self.api.calls.take()
            if self.arm_versions(arm) == {version}:
                return
            self.api.cluster.step()
        raise TimeoutError(f"{arm} is not {version}")

    def arm_versions(self, arm):
        """Return the versions that answer a request with an arm."""
        cluster = self.api.cluster
        if ("inferenceservices", "relevance") in cluster.objects:
            tag = {"treatment": "latest", "control": "prev"}[arm]
            names = [target["revisionName"] for target in cluster.knative.resolved if target["tag"] == tag]
            versions = {revision.version for revision in cluster.knative.revisions if revision.name in names}
            return versions or set(cluster.traffic())
        if arm == "interleave":
            return self.interleaved_versions()
        backend = cluster.objects[("httproutes", "relevance")]["spec"]["rules"][arm == "control"]["backendRefs"][0]
        controller = cluster.standard.get(backend["name"].removesuffix("-predictor"))
        return set(controller.pods) if controller else set()

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

    def allowed_share(self, version):
        """Return the share that a version may have now, by the state."""
        state = self.state
        if version == "":  # nobody answers
            return 0.0 if self.is_served else 1.0
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
            if share > self.allowed_share(version) + 1e-9:
                self.violations.append((version, share, self.state.intent, self.state.traffic_percent))

    def settle(self, passes=12):
        """Reconcile until nothing is left to be moved, restarting a killed process."""
        for _ in range(passes):
            before = (self.state, self.api.cluster.traffic())
            self.seconds += PAUSE_S
            try:
                self.reconciler.reconcile()
                if before == (self.state, self.api.cluster.traffic()) and not self.state.intent:
                    break
            except Killed:
                self.restart()
            except FAILURES:
                pass  # the next pass goes on
        self.is_served = True

    def run(self, events, passes=12):
        """Take events one by one, each carried out to its end, and return the number of calls."""
        update_state(lambda state: replace(state, stable="v1"), "baseline registered as stable")
        self.settle(passes)
        for event in events:
            self.take(event)
            self.settle(passes)
        return self.api.calls.count

    def take(self, event):
        """Write down what a night, a look or a person decides."""
        try:
            if isinstance(event, Intent):
                decide(event)
            else:
                update_state(lambda state: state_machine.release_version(state, event, NOW), "released")
        except Killed:
            self.take(event)
