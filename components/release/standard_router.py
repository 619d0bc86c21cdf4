"""Traffic on KServe in Standard mode: two InferenceServices, and the rules of two HTTPRoutes that overlays leave open.

The overlays' routes say where callers come in (gateway, hostnames); who answers them is the release's alone, and so no
`kubectl apply` of an overlay resets a weight in the middle of an experiment.
"""

from components.release import kserve
from components.release.kserve import CANDIDATE, STABLE, KServe, wait
from components.release.router import UNSETTLED, whole_percent

MODE = "RawDeployment"
ROUTES = {"relevance": kserve.inside_rules, "relevance-edge": kserve.edge_rules}


class StandardRouter:
    """Server-side apply of both sides and of all rules; the gateway's own status says what is served."""

    arms = True

    def __init__(self, kserve: KServe):
        self.kserve, self.api = kserve, kserve.api

    def serve(self, stable: str | None, candidate: str | None) -> None:
        """Have both sides run; a new candidate gets no traffic yet, and without one its arm is stable's.

        The candidate is deleted and not scaled to nothing, for in this mode KServe does not follow `minReplicas: 0`
        (kserve issues 3514 and 6001).
        """
        if not stable:
            return
        self._apply(STABLE, stable)
        if candidate:
            self._apply(CANDIDATE, candidate)
        dark = CANDIDATE if candidate else STABLE
        if self._dark() != dark:
            self._route(0, dark)
        if not candidate:
            self.api.delete("InferenceService", CANDIDATE)

    def set_traffic(self, percent: int) -> None:
        """Write the weights of both routes, and wait until the gateway has taken them.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100, or there is no candidate to get it.
            TimeoutError: the gateway has not taken them in time.
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
            self.kserve.timeout_s,
            f"no gateway has taken {percent}% from the HTTPRoutes {', '.join(ROUTES)} in {self.api.namespace}",
            "kubectl describe httproute",
        )

    def promote(self, version: str) -> None:
        """Make the stable side run `version`, and wait until its rollout is over.

        Raises:
            TimeoutError: it is not in time; the next look goes on.
        """
        self._apply(STABLE, version)
        self.kserve.wait_rolled_out(STABLE, version)

    def roll_back(self) -> None:
        """Send every request without an arm to stable."""
        self.set_traffic(0)

    def read_back(self) -> int:
        """The candidate's weight that the gateway has taken; `UNSETTLED` while routes disagree or wait for it."""
        weights = self._weights()
        return weights.pop() if len(weights) == 1 else UNSETTLED

    def _apply(self, name: str, version: str) -> None:
        sizes = self.kserve.replicas
        least, most = (sizes.stable, sizes.stable_most) if name == STABLE else (sizes.candidate, sizes.candidate)
        predictor = kserve.predictor(self.kserve.storage_uri(version), least, most)
        self.api.apply("InferenceService", name, kserve.service(MODE, version, predictor))

    def _dark(self) -> str:
        """The service that the treatment arm goes to; nothing where no rules are written yet."""
        rules = _rules(self.api.get("HTTPRoute", "relevance"))
        return rules[0]["backendRefs"][0]["name"].removesuffix("-predictor") if len(rules) == 3 else ""

    def _weights(self) -> set[int]:
        routes = [self.api.get("HTTPRoute", name) for name in ROUTES]
        return {kserve.weight_of(_rules(route)) if is_taken(route) else UNSETTLED for route in routes}


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
