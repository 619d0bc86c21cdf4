"""The part of Kubeflow Pipelines' API (v2beta1) that a deployment speaks to, over HTTP and in memory, for tests.

It refuses what the real one refuses: unknown tokens and namespaces, names that are taken, files that are no pipeline,
recurring runs without a trigger or a concurrency.
"""

import json
import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from urllib.parse import parse_qs, urlsplit

import yaml

from testing.servers import JsonHandler, Refused, serving

BASE = "/apis/v2beta1/"


@dataclass
class Kubeflow:
    """What the server holds, what it was asked, and after how many writes it dies."""

    token: str = ""
    cookie: str = ""  # of a server behind dex: without it, a page to log in
    namespaces: tuple = ("broadfast",)
    writes_left: int = -1
    experiments: dict = field(default_factory=dict)
    pipelines: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    recurring: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)


class Handler(JsonHandler):
    """Answers one request; the rest of the file is what each path does."""

    def answer(self):
        url, state = urlsplit(self.path), self.server.state
        self.said = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        state.asked.append((self.command, url.path))
        if self.command != "GET" and state.writes_left == 0:
            self.close_connection = True  # as a server that is gone in the middle
            self.connection.close()
            return
        state.writes_left -= self.command != "GET" and state.writes_left > 0
        if state.cookie and self.headers.get("cookie") != state.cookie:
            self.redirect()
            return
        try:
            self.say(200, self.done(state, url.path.removeprefix(BASE)))
        except Refused as refusal:
            code, sentence = refusal.args
            self.say(code, {"error": sentence, "code": code, "message": sentence})

    do_GET = do_POST = do_DELETE = answer

    def done(self, state: Kubeflow, path: str) -> dict:
        if state.token and self.headers.get("authorization") != f"Bearer {state.token}":
            raise Refused(401, "Request header error: there is no user identity header")
        namespace = self.said.get("namespace")
        if namespace and namespace not in state.namespaces:
            raise Refused(403, f"User is not authorized to list in namespace {namespace}")
        for method, pattern, act in ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                return act(self, state, *found.groups())
        raise Refused(404, f"{self.command} {path}")

    def matching(self, objects) -> list:
        predicates = json.loads(self.said["filter"])["predicates"] if "filter" in self.said else []
        wanted = {one["key"]: one.get("stringValue", one.get("string_value")) for one in predicates}
        return [
            one
            for one in objects
            if all((one.get("display_name") if key == "name" else one.get(key)) == said for key, said in wanted.items())
        ]

    def uploaded(self) -> dict:
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        (part,) = BytesParser().parsebytes(head + self.body).get_payload()
        spec = next(yaml.load_all(part.get_payload(decode=True), yaml.CSafeLoader))  # in C: a pipeline is long
        if "schemaVersion" not in spec:
            raise Refused(400, "Invalid input error: unknown pipeline spec")
        return spec

    def redirect(self):
        self.send_response(302)
        self.send_header("location", "/dex/auth")
        self.send_header("content-length", "0")
        self.end_headers()


def listed(kind: str, table: str):
    def act(handler, state):
        found = handler.matching(getattr(state, table).values())
        return {kind: found, "total_size": len(found)} if found else {}

    return act


def create_experiment(handler, state):
    one = json.loads(handler.body) | {"experiment_id": str(uuid.uuid4())}
    state.experiments[one["experiment_id"]] = one
    return one


def create_pipeline(handler, state):
    one = json.loads(handler.body)
    if any(other["display_name"] == one["display_name"] for other in state.pipelines.values()):
        raise Refused(409, f"Already exist error: pipeline {one['display_name']}")
    one["pipeline_id"] = str(uuid.uuid4())
    state.pipelines[one["pipeline_id"]] = one
    return one


def upload_version(handler, state):
    name, pipeline_id = handler.said["name"], handler.said["pipelineid"]
    if any((v["pipeline_id"], v["display_name"]) == (pipeline_id, name) for v in state.versions.values()):
        raise Refused(409, f"Already exist error: version {name}")
    one = {"pipeline_id": pipeline_id, "pipeline_version_id": str(uuid.uuid4()), "display_name": name, "name": name}
    state.versions[one["pipeline_version_id"]] = one | {"pipeline_spec": handler.uploaded()}
    return one


def list_versions(handler, state, pipeline_id):
    found = handler.matching(v for v in state.versions.values() if v["pipeline_id"] == pipeline_id)
    return {"pipeline_versions": found} if found else {}


def create_recurring(handler, state):
    one = json.loads(handler.body)
    if not one.get("trigger") or not 1 <= int(one.get("max_concurrency") or 0) <= 10:
        raise Refused(400, "Invalid input error: a trigger and a max_concurrency from 1 to 10 are required")
    if one["pipeline_version_reference"]["pipeline_version_id"] not in state.versions:
        raise Refused(404, "ResourceNotFoundError: no such pipeline version")
    one |= {"recurring_run_id": str(uuid.uuid4()), "status": "ENABLED" if one["mode"] == "ENABLE" else "DISABLED"}
    state.recurring[one["recurring_run_id"]] = one
    return one


def delete_recurring(handler, state, recurring_id):
    if state.recurring.pop(recurring_id, None) is None:
        raise Refused(404, "ResourceNotFoundError: no such recurring run")
    return {}


def switch(handler, state, recurring_id, word):
    state.recurring[recurring_id]["status"] = {"enable": "ENABLED", "disable": "DISABLED"}[word]
    return {}


ROUTES = [
    ("GET", "experiments", listed("experiments", "experiments")),
    ("POST", "experiments", create_experiment),
    ("GET", "pipelines", listed("pipelines", "pipelines")),
    ("POST", "pipelines", create_pipeline),
    ("POST", "pipelines/upload_version", upload_version),
    ("GET", "pipelines/([^/]+)/versions", list_versions),
    ("GET", "recurringruns", listed("recurringRuns", "recurring")),
    ("POST", "recurringruns", create_recurring),
    ("DELETE", "recurringruns/([^/:]+)", delete_recurring),
    ("POST", "recurringruns/([^/:]+):(enable|disable)", switch),
]


@contextmanager
def kubeflow(**state):
    """A running server; yields its address and what it holds."""
    held = Kubeflow(**state)
    with serving(Handler, held) as url:
        yield url, held
