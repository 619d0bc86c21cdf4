"""Traffic on KServe in Standard mode: two InferenceServices, and the rules of two HTTPRoutes that overlays leave open.

The overlays' routes say where callers come in (gateway, hostnames); who answers them is the release's alone, and so no
`kubectl apply` of an overlay resets a weight in the middle of an experiment.
"""

from collections.abc import Mapping

from components.json_path import read_path
from components.release import kserve, routes
from components.release.interleaver_size import InterleaverSize
from components.release.kserve import CANDIDATE, INTERLEAVER, STABLE, VERSION, KServe
from components.release.router import UNSETTLED, whole_percent

MODE = "RawDeployment"
ROUTES = {"relevance": routes.inside_rules, "relevance-edge": routes.edge_rules}


class StandardRouter:
    """Applies both sides and all rules, and reads back what Deployments and gateways say."""

    arms = True
    can_interleave = True

    def __init__(self, kserve: KServe):
        self.kserve = kserve
        self.api = kserve.api
        self.interleaver = InterleaverSize(kserve)

    def serve(self, stable: str | None, candidate: str | None, interleaves: bool = False) -> None:
        """Have both sides and the interleaver run, and give a new candidate no traffic yet.

        Without a candidate its arm is stable's. It is deleted and not scaled to nothing, for in this mode KServe does
        not follow `minReplicas: 0` (kserve issues 3514 and 6001). An interleaver gets users once a pod of it is there,
        and loses them before its pods go.

        Raises:
            TimeoutError: the interleaver does not start, or the gateways do not follow in time.
        """
        if not stable:
            self.interleaver.stop()
            return
        self._apply(STABLE, stable)
        if candidate:
            self._apply(CANDIDATE, candidate)
        if interleaves:
            self.interleaver.start()
        dark = CANDIDATE if candidate else STABLE
        rules = self._rules()
        if routes.arm_service(rules, "treatment") != dark:
            self._route(0, dark, interleaves=False)
            rules = self._rules()
        self._route_interleaved(rules, dark, interleaves)
        if not interleaves:
            self.interleaver.stop()
        if not candidate:
            self.api.delete("InferenceService", CANDIDATE)

    def _route_interleaved(self, rules: list[dict], dark: str, interleaves: bool) -> None:
        """Send users to the interleaver, or away from it, where that is not so already."""
        if routes.arm_service(rules, "interleave") == (INTERLEAVER if interleaves else STABLE):
            return
        if interleaves:
            self.interleaver.wait()
        self._route(routes.candidate_percent(rules), dark, interleaves)

    def set_traffic(self, percent: int) -> None:
        """Write the weights of both routes, and wait until the gateways serve them.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100, or there is no candidate to get it.
            TimeoutError: the gateways do not serve them in time.
        """
        rules = self._rules()
        dark = routes.arm_service(rules, "treatment") or STABLE
        if whole_percent(percent) and dark == STABLE:
            raise ValueError(f"{STABLE} runs alone: there is no candidate to get {percent}%")
        self._route(percent, dark, routes.arm_service(rules, "interleave") == INTERLEAVER)

    def _route(self, percent: int, dark: str, interleaves: bool) -> None:
        for name, rules in ROUTES.items():
            self.api.apply("HTTPRoute", name, {"spec": {"rules": rules(percent, dark, interleaves)}})
        self.kserve.wait(lambda: self._traffic_problem(percent), self.kserve.timeout_s, "kubectl describe httproute")

    def promote(self, version: str) -> None:
        """Make the stable side run `version`, and wait until no pod of another is left.

        Raises:
            TimeoutError: that is not so in time; the next look goes on.
        """
        self._apply(STABLE, version)
        command = f"kubectl describe deployment {STABLE}-predictor"
        self.kserve.wait(lambda: self.rollout_problem(STABLE, version), self.kserve.rollout_s, command)

    def roll_back(self) -> None:
        """Send every request without an arm to stable."""
        self.set_traffic(0)

    def read_back(self) -> int:
        """Return the candidate's weight that gateways serve, `UNSETTLED` while they follow."""
        percents = set()
        for name in ROUTES:
            route = self.api.get("HTTPRoute", name)
            if routes.route_problem(self.api, route):
                return UNSETTLED
            percents.add(routes.candidate_percent(routes.rules_with_backends(route)))
        is_settled = len(percents) == 1 and not self._backend_problem(route)
        return percents.pop() if is_settled else UNSETTLED

    def candidate_outage(self, version: str) -> str:
        """Return why no pod of the candidate is available, "" if one is."""
        deployment = self.api.get("Deployment", f"{CANDIDATE}-predictor")
        if read_path(deployment, "status", "availableReplicas"):
            return ""
        subject = f"no pod of the Deployment {CANDIDATE}-predictor in {self.api.namespace} is available"
        return subject + _pod_refusal(deployment)

    def rollout_problem(self, name: str, version: str) -> str:
        """Return why a side does not run one version alone, as its Deployment says.

        An InferenceService's own observedGeneration is the Deployment's, and tells nothing of its last change.
        """
        subject = f"the Deployment {name}-predictor in {self.api.namespace} does not run {version} alone"
        deployment = self.api.get("Deployment", f"{name}-predictor")
        if not deployment:
            return f"{subject}: it does not exist"
        if read_path(deployment, "spec", "template", "metadata", "labels", VERSION) != version:
            return f"{subject}: KServe has not changed it yet"
        reason = _rollout_in_progress(deployment)
        return f"{subject}: {reason}{_pod_refusal(deployment)}" if reason else ""

    def _traffic_problem(self, percent: int) -> str:
        for name in ROUTES:
            subject = f"no gateway has taken {percent}% from the HTTPRoute {name} in {self.api.namespace}"
            route = self.api.get("HTTPRoute", name)
            problem = routes.route_problem(self.api, route)
            if problem:
                return f"{subject}: {problem}"
            served_percent = routes.candidate_percent(routes.rules_with_backends(route))
            if served_percent != percent:
                return f"{subject}: it says {served_percent}%"
        problem = self._backend_problem(route)
        return f"{subject}: {problem}" if problem else ""

    def _backend_problem(self, route: Mapping | None) -> str:
        """Return why nobody answers requests by weight, though the gateways have taken a route.

        The side with all of them, or stable, needs a pod that is ready. A candidate that starts or is broken, or an
        interleaver, is no reason: to wait for that one would keep its traffic where it is. Envoy Gateway misses
        backends of the whole route, and none whose pods are there without being ready.
        """
        percent = routes.candidate_percent(routes.rules_with_backends(route))
        name = f"{CANDIDATE if percent == 100 else STABLE}-predictor"
        deployment = self.api.get("Deployment", name)
        if read_path(deployment, "status", "availableReplicas"):
            return ""
        message = routes.missing_endpoints(route)
        reason = message if name in message else f" (none of the Deployment {name} is ready)"
        return f"a backend of the HTTPRoute has no pod{reason}{_pod_refusal(deployment)}"

    def _apply(self, name: str, version: str) -> None:
        sizes = self.kserve.replicas
        least, most = (sizes.stable, sizes.stable_most) if name == STABLE else (sizes.candidate, sizes.candidate)
        predictor = kserve.predictor(self.kserve.storage_uri(version), least, most)
        self.api.apply("InferenceService", name, kserve.inference_service(MODE, version, predictor))

    def _rules(self) -> list[dict]:
        return routes.rules_with_backends(self.api.get("HTTPRoute", "relevance"))


def _pod_refusal(deployment: Mapping | None) -> str:
    """Return why a webhook or a quota refuses new pods, "" where none does."""
    for condition in read_path(deployment, "status", "conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return f"; pods are refused: {condition.get('message', condition.get('reason', ''))}"
    return ""


def _rollout_in_progress(deployment: Mapping) -> str:
    """Return what of a Deployment's rollout is still to come, "" once it is over."""
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < (read_path(deployment, "metadata", "generation") or 0):
        return "its newest generation is not observed yet"
    replicas = status.get("replicas", 0)
    new_pods = status.get("updatedReplicas", 0)
    available = status.get("availableReplicas", 0)
    desired_replicas = read_path(deployment, "spec", "replicas")
    terminating = status.get("terminatingReplicas") or 0  # said by Kubernetes 1.33 and later, where it is turned on
    if new_pods < max(1, desired_replicas or 1) or replicas > new_pods or available < new_pods or terminating:
        return f"{new_pods} of {replicas} pods are new, {available} available, {terminating} terminating"
    return ""
