"""A server that speaks OpenAI's chat completions, whose model knows some of the labels."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.contracts import LABELS
from testing import servers

PAIR = re.compile(r"Query: (?P<query>.*)\nItem: (?P<title>.*)")
LOW_LOGPROB = -9.0


@dataclass
class ChatModel:
    """What the server answers: labels by query and title, which are wrong where they are not known."""

    labels: Mapping[tuple[str, str], str]
    key: str = ""  # that requests have to bring; "" takes any
    names: tuple[str, ...] = ("tiny",)
    refused_fields: tuple[str, ...] = ()  # a request with one of them is refused
    has_form: bool = True  # false: answers break the grammar
    bodies: list[dict] = field(default_factory=list)  # of all requests
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, body: dict) -> dict:
        """Return a chat completion."""
        with self.lock:
            self.bodies.append(body)
        match = PAIR.match(body["messages"][-1]["content"])
        label = self.labels.get((match["query"], match["title"]), "Substitute")
        text = f"It was compared with the query.\nLabel: {label}" if self.has_form else f"I would say {label}!"
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        if body.get("logprobs"):
            choice["logprobs"] = {
                "content": [describe_token("Label"), describe_token(":"), describe_token(f" {label}")]
            }
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        head = {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"]}
        return head | {"choices": [choice], "usage": usage}


def describe_token(token: str) -> dict:
    """Return a token with its log-probability: a label has 0.5, another one 0.25, and the rest are no labels."""
    top = {token: -0.6931, " Complement": -1.3863, "x": LOW_LOGPROB} if token.strip() in LABELS else {token: 0.0}
    entries = [{"token": name, "logprob": logprob, "bytes": None} for name, logprob in top.items()]
    return {"token": token, "logprob": entries[0]["logprob"], "bytes": None, "top_logprobs": entries}


class ChatHandler(servers.JsonHandler):
    """Answers for the server's ChatModel."""

    def do_GET(self):
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in self.server.state.names]
        self.say(200, {"object": "list", "data": models})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = self.server.state
        refused_fields = sorted(body.keys() & set(model.refused_fields))
        if model.key and self.headers["authorization"] != f"Bearer {model.key}":
            self.say(401, {"error": {"message": "wrong key", "type": "auth"}})
        elif refused_fields:
            self.say(400, {"error": {"message": f"unsupported: {refused_fields[0]}", "type": "request"}})
        elif not self.path.endswith("/v1/chat/completions"):
            self.say(404, {"error": {"message": f"no {self.path}", "type": "path"}})
        else:
            self.say(200, model.answer(body))
