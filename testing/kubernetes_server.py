"""A Kubernetes API over HTTP for tests: server-side apply with owners, and controllers that follow what is applied.

It checks what it gets: the content type of an apply, the field manager, the name in the body, conflicts of ownership.
"""

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import yaml
from kubernetes import client

from testing.kubernetes_controllers import KnativeController, StandardController
from testing.servers import JsonHandler, Refused, serving

PATH = re.compile(r"/apis/([^/]+)/([^/]+)/namespaces/([^/]+)/([^/]+)/([^/]+)")
KINDS = {
    "inferenceservices": "InferenceService",
    "httproutes": "HTTPRoute",
    "trainjobs": "TrainJob",
    "gateways": "Gateway",
    "deployments": "Deployment",
    "revisions": "Revision",
}
MODE = "serving.kserve.io/deploymentMode"
WEBHOOK = 'admission webhook "inferenceservice.kserve-webhook-server.pod-mutator"'
ROUNDS = 20  # of all controllers, until nothing changes any more


@dataclass
class Cluster:
    """Objects by plural and name, who applied which of their fields, and the controllers."""

    objects: dict = field(default_factory=dict)
    applied: dict = field(default_factory=dict)  # (plural, name): {manager: document}
    requests: list = field(default_factory=list)  # method and path, in order
    jobs: Callable = lambda job: {}  # what Trainer says of a TrainJob: its status
    failures: list = field(default_factory=list)  # (method, code, sentence): of the next such request
    gateway: bool = True  # whether a gateway takes routes
    certificate: bool = True  # whether the gateway's listeners have theirs
    starts_pods: bool = True
    secrets: set = field(default_factory=lambda: {"broadfast-models"})
    account_secrets: dict = field(default_factory=lambda: {"broadfast-serving": ["broadfast-models"]})
    unready: set = field(default_factory=set)  # versions whose pods never get ready
    is_slow: bool = False  # controllers do one round a request, and not as many as they need
    record: list = field(default_factory=list)  # after each round: what a request without an arm meets
    observe: Callable = lambda traffic: None  # called with the same
    standard: dict = field(default_factory=dict)  # name: controller
    knative: KnativeController = field(default_factory=KnativeController)

    def apply(self, key: tuple, body: dict, manager: str, force: bool) -> dict:
        """Merge what a manager wants; its conflicts with others are refused unless it forces them."""
        mine = {name: value for name, value in body.items() if name != "status"}
        others = {name: document for name, document in self.applied.get(key, {}).items() if name != manager}
        conflicts = sorted(set(_differing_paths(mine, others.values())))
        if conflicts and not force:
            owner = next(iter(others))
            raise Refused(409, f"Apply failed with {len(conflicts)} conflict: conflict with {owner!r}: {conflicts[0]}")
        before = self.objects.get(key, {})
        self.applied[key] = others | {manager: mine}
        merged = {}
        for document in self.applied[key].values():
            merged = merge(merged, document)
        is_changed = merged.get("spec") != before.get("spec")
        merged["metadata"]["generation"] = before.get("metadata", {}).get("generation", 0) + is_changed
        self.objects[key] = merged
        return self.read(key)

    def run_controllers(self) -> None:
        """Let all controllers follow what was applied."""
        for _ in range(1 if self.is_slow else ROUNDS):
            self.step()

    def step(self) -> None:
        """Let every controller do one round, and record what requests meet then."""
        for (plural, name), service in self.objects.items():
            if plural != "inferenceservices":
                continue
            controller = self.controller(name, service)
            controller.refusal = self.pod_refusal(service)
            controller.step(service, self.starts_pods and not controller.refusal, self.unready)
        for name in [name for name in self.standard if ("inferenceservices", name) not in self.objects]:
            self.standard.pop(name)
        traffic = self.traffic()
        self.record.append(traffic)
        self.observe(traffic)

    def pod_refusal(self, service: dict) -> str:
        """Return what KServe's webhook says of a pod whose service account names a missing Secret."""
        account = service["spec"]["predictor"].get("serviceAccountName", "default")
        for secret in self.account_secrets.get(account, []):
            if secret not in self.secrets:
                return f'{WEBHOOK} denied the request: secrets "{secret}" not found'
        return ""

    def controller(self, name: str, service: dict) -> StandardController | KnativeController:
        """Return the controller of an InferenceService, by its mode."""
        if service["metadata"]["annotations"][MODE] == "Serverless":
            return self.knative
        return self.standard.setdefault(name, StandardController(name))

    def traffic(self) -> dict[str, float]:
        """Return the share of each version among requests without an arm; "" stands for an error."""
        if ("inferenceservices", "relevance") in self.objects:
            return self.knative.traffic() or {"": 1.0}
        route = self.objects.get(("httproutes", "relevance"), {})
        rules = route.get("spec", {}).get("rules")
        if not rules:
            return {"": 1.0}
        shares = Counter()
        backends = rules[-1]["backendRefs"]
        for backend in backends:
            controller = self.standard.get(backend["name"].removesuffix("-predictor"))
            versions = (controller.traffic() if controller else {}) or {"": 1.0}
            for version, share in versions.items():
                shares[version] += share * backend.get("weight", 1) / 100
        return {version: share for version, share in shares.items() if share}

    def read(self, key: tuple) -> dict:
        """Return an object with the status that its controller gives it by now."""
        plural, name = key
        if plural == "deployments" and key not in self.objects:
            return self._deployment(name)
        if plural == "revisions":
            return self.knative.revision(name) or not_found(key)
        if key not in self.objects:
            not_found(key)
        document = copy.deepcopy(self.objects[key])
        if plural == "httproutes" and self.gateway:
            document["status"] = {"parents": list(self._parents(document))}
        if plural == "gateways":
            document["status"] = self._gateway_status(document)
        if plural == "deployments":
            replicas = document["spec"].get("replicas", 1)
            pods = replicas if self.starts_pods else 0
            document["status"] = {"replicas": pods, "availableReplicas": pods}
        if plural == "trainjobs":
            document["status"] = self.jobs(document)
        if plural == "inferenceservices":
            document["status"] = self.controller(name, document).status()
        return document

    def _deployment(self, name: str) -> dict:
        service = self.objects.get(("inferenceservices", name.removesuffix("-predictor")))
        controller = self.standard.get(name.removesuffix("-predictor"))
        if not service or not controller:
            not_found(("deployments", name))
        return controller.deployment(service["spec"]["predictor"]["minReplicas"])

    def _parents(self, route: dict) -> Iterator[dict]:
        """Yield what each gateway says of a route: it is Accepted whether its listener works or not."""
        now = route["metadata"]["generation"]
        conditions = [
            {"type": name, "status": "True", "observedGeneration": now} for name in ("Accepted", "ResolvedRefs")
        ]
        if missing := next(self._services_without_pods(route), ""):
            message = f"Failed to find endpoints: no ready endpoints for the related Service shop/{missing}."
            lack = {"type": "BackendsAvailable", "status": "False", "reason": "EndpointsNotFound", "message": message}
            conditions.append(lack | {"observedGeneration": now})
        for parent in route["spec"].get("parentRefs", [{"name": "gateway"}]):
            yield {"parentRef": parent, "conditions": conditions}

    def _services_without_pods(self, route: dict) -> Iterator[str]:
        """Yield a route's services without any pod, of all rules and weights, as Envoy Gateway reads them.

        A pod that is not ready counts: it is an endpoint.
        """
        for rule in route["spec"].get("rules", []):
            for backend in rule.get("backendRefs", []):
                try:
                    status = self.read(("deployments", backend["name"]))["status"]
                except Refused:
                    status = {}
                if not status.get("replicas"):
                    yield backend["name"]

    def _gateway_status(self, gateway: dict) -> dict:
        """Return what Envoy Gateway says: of a listener without certificate the reason is another condition's."""
        conditions = [{"type": "ResolvedRefs", "status": "True"}, {"type": "Programmed", "status": "True"}]
        if not self.certificate:
            reason = "Secret shop/relevance-tls does not exist."
            invalid = "Listener is invalid, see other Conditions for details."
            conditions = [
                {"type": "ResolvedRefs", "status": "False", "reason": "InvalidCertificateRef", "message": reason},
                {"type": "Programmed", "status": "False", "reason": "Invalid", "message": invalid},
            ]
        listeners = [{"name": listener["name"], "conditions": conditions} for listener in gateway["spec"]["listeners"]]
        return {"conditions": [{"type": "Programmed", "status": "True"}], "listeners": listeners}


def not_found(key: tuple) -> None:
    """Raise a 404."""
    raise Refused(404, f"{key[0]} {key[1]!r} not found")


def _differing_paths(mine: dict, others) -> Iterator[str]:
    own_leaves = dict(leaves(mine))
    for document in others:
        for path, value in leaves(document):
            if path in own_leaves and own_leaves[path] != value:
                yield path


def merge(one: dict, other: dict) -> dict:
    """Return both documents' fields; a list is taken whole."""
    both = dict(one)
    for name, value in other.items():
        is_nested = isinstance(value, dict) and isinstance(both.get(name), dict)
        both[name] = merge(both[name], value) if is_nested else value
    return both


def leaves(document: dict, path: str = "") -> list[tuple[str, object]]:
    """Return every field below `spec` with its path; a list is one field."""
    if not path:
        return leaves(document.get("spec", {}), ".spec")
    pairs = []
    for name, value in document.items():
        below = f"{path}.{name}"
        pairs += leaves(value, below) if isinstance(value, dict) else [(below, value)]
    return pairs


class Handler(JsonHandler):
    """GET, apply and DELETE of one object."""

    def handle_one(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        cluster = self.server.state
        cluster.requests.append((self.command, url.path))
        try:
            document = self.answer(url, body)
            cluster.run_controllers()
            self.say(200, document)
        except Refused as refusal:
            code, sentence = refusal.args
            self.say(code, {"kind": "Status", "status": "Failure", "code": code, "message": sentence})

    do_GET = do_PATCH = do_DELETE = handle_one

    def answer(self, url, body: bytes) -> dict:
        cluster = self.server.state
        if cluster.failures and cluster.failures[0][0] == self.command:
            raise Refused(*cluster.failures.pop(0)[1:])
        match = PATH.fullmatch(url.path)
        if not match or match[4] not in KINDS:
            raise Refused(404, "the server could not find the requested resource")
        key = (match[4], match[5])
        if self.command == "GET":
            return cluster.read(key)
        if self.command == "DELETE":
            if cluster.objects.pop(key, None) is None:
                not_found(key)
            cluster.applied.pop(key)
            return {"kind": "Status", "status": "Success"}
        return self.apply(key, f"{match[1]}/{match[2]}", yaml.safe_load(body), parse_qs(url.query))

    def apply(self, key: tuple, api_version: str, document: dict, options: dict) -> dict:
        if self.headers["content-type"] != "application/apply-patch+yaml":
            raise Refused(415, f"{self.headers['content-type']} is no server-side apply")
        if "fieldManager" not in options:
            raise Refused(400, "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value")
        identity = (document["metadata"]["name"], document["kind"], document["apiVersion"])
        if identity != (key[1], KINDS[key[0]], api_version):
            raise Refused(400, "the body is another object than the address")
        is_forced = options.get("force") in (["True"], ["true"])
        return self.server.state.apply(key, document, options["fieldManager"][0], is_forced)


def apply_overlay(state: Cluster) -> None:
    """Apply the routes, the gateway and the interleaver that an overlay has for Standard mode."""
    listeners = [{"name": "https"}]
    state.apply(
        ("gateways", "gateway"),
        {"metadata": {"name": "gateway"}, "spec": {"listeners": listeners}},
        "kubectl",
        force=False,
    )
    spec = {"parentRefs": [{"name": "gateway"}], "hostnames": ["relevance.example.com"]}
    interleaver = {"metadata": {"name": "relevance-interleaver"}, "spec": {"template": {}}}
    state.apply(("deployments", "relevance-interleaver"), interleaver, "kubectl", force=False)
    for name in ("relevance", "relevance-edge"):
        state.apply(("httproutes", name), {"metadata": {"name": name}, "spec": spec}, "kubectl", force=False)


@contextmanager
def cluster():
    """Run an API server, and yield its cluster and a client of it."""
    state = Cluster()
    with serving(Handler, state) as url:
        configuration = client.Configuration(host=url)
        configuration.retries = False
        with client.ApiClient(configuration) as api:
            yield state, api
