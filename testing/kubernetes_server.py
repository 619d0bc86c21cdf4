"""A Kubernetes API over HTTP for tests: server-side apply with owners, and what KServe and a gateway say in a status.

It checks what it gets: the content type of an apply, the field manager, the name in the body, conflicts of ownership.
"""

import copy
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import yaml
from kubernetes import client

from testing.servers import JsonHandler, Refused, serving

PATH = re.compile(r"/apis/([^/]+)/([^/]+)/namespaces/([^/]+)/([^/]+)/([^/]+)")
KINDS = {"inferenceservices": "InferenceService", "httproutes": "HTTPRoute", "trainjobs": "TrainJob"}


@dataclass
class Cluster:
    """Objects by plural and name, who applied which of their fields, and what was asked, in order."""

    objects: dict = field(default_factory=dict)
    applied: dict = field(default_factory=dict)  # (plural, name): {manager: document}
    asked: list = field(default_factory=list)
    jobs: Callable = lambda job: {}  # what Trainer says of a TrainJob: its status
    failures: list = field(default_factory=list)  # (method, code, sentence): of the next such request
    gateway: bool = True  # whether a gateway takes routes
    kserve: bool = True  # whether KServe gets pods ready
    revisions: list = field(default_factory=list)  # of the Knative service: storage URIs, oldest first
    rolled_out: int = -1  # the newest that had all traffic

    def apply(self, key: tuple, body: dict, manager: str, force: bool) -> dict:
        """Merge what a manager wants; its conflicts with others are refused unless it forces them."""
        mine = {name: value for name, value in body.items() if name != "status"}
        others = {name: said for name, said in self.applied.get(key, {}).items() if name != manager}
        taken = {
            path for said in others.values() for path, value in leaves(said) if value != dict(leaves(mine)).get(path)
        }
        conflicts = sorted(taken & dict(leaves(mine)).keys())
        if conflicts and not force:
            raise Refused(
                409, f"Apply failed with {len(conflicts)} conflict: conflict with {list(others)[0]!r}: {conflicts[0]}"
            )
        before = self.objects.get(key, {})
        self.applied[key] = others | {manager: mine}
        whole = {}
        for said in self.applied[key].values():
            whole = merged(whole, said)
        moved = whole.get("spec") != before.get("spec")
        whole["metadata"]["generation"] = before.get("metadata", {}).get("generation", 0) + moved
        self.objects[key] = whole
        return self.read(key)

    def read(self, key: tuple) -> dict:
        """An object with the status that its controller gives it by now."""
        if key not in self.objects:
            raise Refused(404, f"{key[0]} {key[1]!r} not found")
        found = copy.deepcopy(self.objects[key])
        now = found["metadata"]["generation"]
        if key[0] == "httproutes" and self.gateway:
            accepted = {"type": "Accepted", "status": "True", "observedGeneration": now}
            found["status"] = {"parents": [{"conditions": [accepted]}]}
        if key[0] == "trainjobs":
            found["status"] = self.jobs(found)
        if key[0] == "inferenceservices":
            found["status"] = {
                "observedGeneration": now if self.kserve else now - 1,
                "conditions": [{"type": "Ready", "status": "True" if self.kserve else "False"}],
            }
            if found["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Serverless":
                found["status"]["components"] = {"predictor": self.knative(found["spec"]["predictor"])}
        return found

    def knative(self, predictor: dict) -> dict:
        """Revisions and traffic: the newest has its percent, the last that was rolled out the rest."""
        uri, percent = predictor["model"]["storageUri"], predictor.get("canaryTrafficPercent")
        if not self.revisions or self.revisions[-1] != uri:
            self.revisions.append(uri)
        newest = len(self.revisions) - 1
        if percent is None or self.rolled_out < 0:
            self.rolled_out = newest
            traffic = [{"latestRevision": True, "percent": 100, "tag": "latest"}]
        else:
            rest = {"revisionName": f"r{self.rolled_out}", "percent": 100 - percent, "tag": "prev"}
            traffic = [{"latestRevision": True, "percent": percent, "tag": "latest"}, rest]
        ready = newest if self.kserve else newest - 1
        return {"latestCreatedRevision": f"r{newest}", "latestReadyRevision": f"r{ready}", "traffic": traffic}


def merged(one: dict, other: dict) -> dict:
    """Both documents' fields; a list is taken whole."""
    both = dict(one)
    for name, value in other.items():
        both[name] = (
            merged(both[name], value) if isinstance(value, dict) and isinstance(both.get(name), dict) else value
        )
    return both


def leaves(document: dict, path: str = "") -> list[tuple[str, object]]:
    """Every field below `spec`, with its path; a list is one field."""
    if not path:
        return leaves(document.get("spec", {}), ".spec")
    found = []
    for name, value in document.items():
        here = f"{path}.{name}"
        found += leaves(value, here) if isinstance(value, dict) else [(here, value)]
    return found


class Handler(JsonHandler):
    """GET, apply and DELETE of one object."""

    def handle_one(self):
        url, cluster = urlsplit(self.path), self.server.state
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        cluster.asked.append((self.command, url.path))
        try:
            self.say(200, self.done(url, body))
        except Refused as refusal:
            code, sentence = refusal.args
            self.say(code, {"kind": "Status", "status": "Failure", "code": code, "message": sentence})

    do_GET = do_PATCH = do_DELETE = handle_one

    def done(self, url, body: bytes) -> dict:
        cluster, said = self.server.state, parse_qs(url.query)
        if cluster.failures and cluster.failures[0][0] == self.command:
            raise Refused(*cluster.failures.pop(0)[1:])
        if not (found := PATH.fullmatch(url.path)) or found[4] not in KINDS:
            raise Refused(404, "the server could not find the requested resource")
        key = (found[4], found[5])
        if self.command == "GET":
            return cluster.read(key)
        if self.command == "DELETE":
            if cluster.objects.pop(key, None) is None:
                raise Refused(404, f"{key[0]} {key[1]!r} not found")
            cluster.applied.pop(key)
            return {"kind": "Status", "status": "Success"}
        return self.applied(cluster, key, found, yaml.safe_load(body), said)

    def applied(self, cluster: Cluster, key: tuple, found: re.Match, document: dict, said: dict) -> dict:
        if self.headers["content-type"] != "application/apply-patch+yaml":
            raise Refused(415, f"{self.headers['content-type']} is no server-side apply")
        if "fieldManager" not in said:
            raise Refused(400, "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value")
        metadata = document["metadata"]
        if (metadata["name"], document["kind"], document["apiVersion"]) != (
            key[1],
            KINDS[key[0]],
            f"{found[1]}/{found[2]}",
        ):
            raise Refused(400, "the body is another object than the address")
        return cluster.apply(
            key, document, said["fieldManager"][0], said.get("force") == ["True"] or said.get("force") == ["true"]
        )


@contextmanager
def cluster():
    """A running API server; yields its cluster and a client of it."""
    state = Cluster()
    with serving(Handler, state) as url:
        configuration = client.Configuration(host=url)
        configuration.retries = False
        with client.ApiClient(configuration) as api:
            yield state, api
