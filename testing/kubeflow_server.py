"""The part of Kubeflow Pipelines' API (v2beta1) that a deployment calls, over HTTP, for tests."""

import json
import re
from contextlib import contextmanager
from email.parser import BytesParser
from urllib.parse import parse_qs, urlsplit

import yaml

from testing.kubeflow_routes import ROUTES, Kubeflow, check_namespace, read
from testing.servers import JsonHandler, Refused, serving

BASE = "/apis/v2beta1/"


class Handler(JsonHandler):
    """Answers one request. kubeflow_routes.py has what each path does."""

    def answer(self):
        url = urlsplit(self.path)
        state = self.server.state
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        state.requests.append((self.command, url.path))
        is_last_write = self.command != "GET" and state.writes_left == 0
        if is_last_write and not state.dies_after_writing:
            self.hang_up()
            return
        state.writes_left -= self.command != "GET" and state.writes_left > 0
        if state.cookie and self.headers.get("cookie") != state.cookie:
            self.redirect()
            return
        try:
            document = self.route(state, url.path.removeprefix(BASE))
            if is_last_write:
                self.hang_up()
            else:
                self.say(200, document)
        except Refused as refusal:
            code, sentence = refusal.args
            self.say(code, {"error": sentence, "code": code, "message": sentence})

    do_GET = do_POST = do_DELETE = answer

    def hang_up(self):
        """Close the connection, as a server that goes away."""
        self.close_connection = True
        self.connection.close()

    def route(self, state: Kubeflow, path: str) -> dict:
        if path == "healthz":  # asks nobody who they are
            return {"multi_user": True} if state.is_multi_user else {}
        if state.token and self.headers.get("authorization") != f"Bearer {state.token}":
            raise Refused(401, "Request header error: there is no user identity header")
        check_namespace(state, self.query.get("namespace", ""))
        for method, pattern, act in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                return act(self, state, *match.groups())
        raise Refused(404, f"{self.command} {path}")

    def filter(self, objects) -> list:
        """Return the objects that match the request's filter."""
        predicates = json.loads(self.query["filter"])["predicates"] if "filter" in self.query else []
        values = {item["key"]: item.get("stringValue", item.get("string_value")) for item in predicates}
        return [item for item in objects if all(read(item, key) == value for key, value in values.items())]

    def read_upload(self) -> dict:
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


@contextmanager
def kubeflow(**fields):
    """Run a server; yield its address and its state."""
    state = Kubeflow(**fields)
    with serving(Handler, state) as url:
        yield url, state
