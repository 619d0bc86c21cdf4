"""Traffic on KServe in Standard mode: two InferenceServices, and the rules of two HTTPRoutes that overlays leave open.

The overlays' routes say where callers come in (gateway, hostnames); who answers them is the release's alone, and so no
`kubectl apply` of an overlay resets a weight in the middle of an experiment.
"""

import time
from collections.abc import Callable

from components.kubernetes_api import KubernetesApi
from components.release import kserve
from components.release.kserve import CANDIDATE, STABLE, Replicas
from components.release.router import DIFFERENT, whole_percent

SIZES = Replicas()
ROLLOUT_S = 600.0  # images, packages and features are fetched first, pod after pod
MODE = "RawDeployment"
ROUTES = {"relevance": kserve.inside_rules, "relevance-edge": kserve.edge_rules}


class StandardRouter:
    """Server-side apply of both sides and of all rules; the gateway's own status says what is served."""

    arms = True

    def __init__(
        self,
        api: KubernetesApi,
        packages: str,
        replicas: Replicas = SIZES,
        timeout_s: float = 60.0,
        rollout_s: float = ROLLOUT_S,
    ):
        """`packages` is where versions lie; the gateway has `timeout_s` to follow, pods have `rollout_s` to start."""
        self.api, self.packages, self.replicas = api, packages, replicas
        self.timeout_s, self.rollout_s = timeout_s, rollout_s

    def serve(self, stable: str | None, candidate: str | None) -> None:
        """Have both sides run; a new candidate gets no traffic yet, and without one its arm is stable's.

        The candidate is deleted and not scaled to nothing, for in this mode KServe does not follow `minReplicas: 0`
        (kserve issues 3514 and 6001).
        """
        if not stable:
            return
        self._apply(STABLE, stable, self.replicas.stable, self.replicas.stable_most)
        if candidate:
            self._apply(CANDIDATE, candidate, self.replicas.candidate, self.replicas.candidate)
        dark = CANDIDATE if candidate else STABLE
        if self._dark() != dark:
            self._route(0, dark)
        if not candidate:
            self.api.delete("InferenceService", CANDIDATE)

    def set_traffic(self, percent: int) -> None:
        """Write the weights of both routes, and wait until the gateway has taken them.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100, or there is no candidate to get it.
            TimeoutError: the gateway has not taken them after `timeout_s`.
        """
        dark = self._dark() or STABLE
        if whole_percent(percent) and dark == STABLE:
            raise ValueError(f"{STABLE} runs alone: there is no candidate to get {percent}%")
        self._route(percent, dark)

    def _route(self, percent: int, dark: str) -> None:
        for name, rules in ROUTES.items():
            self.api.apply("HTTPRoute", name, {"spec": {"rules": rules(percent, dark)}})
        wait(
            lambda: self.read_back() == percent,
            self.timeout_s,
            f"no gateway has taken {percent}% from the HTTPRoutes {', '.join(ROUTES)} in {self.api.namespace}",
            "kubectl describe httproute",
        )

    def promote(self, version: str) -> None:
        """Make the stable side run `version`, and wait until its rollout is over.

        Raises:
            TimeoutError: it is not after `rollout_s`; the next look goes on.
        """
        self._apply(STABLE, version, self.replicas.stable, self.replicas.stable_most)
        wait(
            lambda: is_rolled_out(self.api.get("InferenceService", STABLE)),
            self.rollout_s,
            f"{STABLE} does not run {version}",
            f"kubectl describe isvc {STABLE}",
        )

    def roll_back(self) -> None:
        """Send every request without an arm to stable."""
        self.set_traffic(0)

    def read_back(self) -> int:
        """The candidate's weight that the gateway has taken; `DIFFERENT` while routes disagree or wait for it."""
        weights = self._weights()
        return weights.pop() if len(weights) == 1 else DIFFERENT

    def _apply(self, name: str, version: str, least: int, most: int) -> None:
        predictor = kserve.predictor(f"{self.packages}/{version}", least, most)
        self.api.apply("InferenceService", name, kserve.service(MODE, version, predictor))

    def _dark(self) -> str:
        """The service that the treatment arm goes to; nothing where no rules are written yet."""
        rules = _rules(self.api.get("HTTPRoute", "relevance"))
        return rules[0]["backendRefs"][0]["name"].removesuffix("-predictor") if len(rules) == 3 else ""

    def _weights(self) -> set[int]:
        routes = [self.api.get("HTTPRoute", name) for name in ROUTES]
        return {kserve.weight_of(_rules(route)) if is_taken(route) else DIFFERENT for route in routes}


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


def _rules(route: dict | None) -> list[dict]:
    """The rules that have backends; the default rule of a route that says none has not."""
    return [rule for rule in (route or {}).get("spec", {}).get("rules", []) if rule.get("backendRefs")]


def is_taken(route: dict | None) -> bool:
    """Whether every gateway of a route accepts it as it stands now."""
    if not _rules(route):
        return False
    parents = route.get("status", {}).get("parents", [])
    conditions = [
        condition for parent in parents for condition in parent["conditions"] if condition["type"] == "Accepted"
    ]
    now = route["metadata"].get("generation", 0)
    return bool(conditions) and all(
        condition["status"] == "True" and condition.get("observedGeneration", 0) >= now for condition in conditions
    )


def is_rolled_out(service: dict | None) -> bool:
    """Whether KServe says that an InferenceService as it stands now is ready, and no older pod of it is left."""
    status = (service or {}).get("status", {})
    ready = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}.get("Ready")
    seen = status.get("observedGeneration", 0) >= (service or {}).get("metadata", {}).get("generation", 0)
    moved = status.get("modelStatus", {}).get("transitionStatus", "UpToDate") == "UpToDate"
    return bool(service) and ready == "True" and seen and moved
