"""The interleaver as a process before two real servers: killed, paused and reloaded, it loses and repeats nothing."""

import signal
import sys
from collections import Counter, defaultdict
from uuid import uuid4

import httpx
import numpy as np
import onnx
import pytest

from components import package_manifest
from components.waiting import wait_until
from pipelines.local.ports import free_ports
from serving.score_protocol import PATH as SCORE
from serving.score_protocol import SIGNATURE, encode_texts, sign
from testing.relevance_server import read_log, tensor
from testing.servers import environment
from testing.tiny_package import LOGITS, build_model, write_package

pytestmark = pytest.mark.slow  # starts servers

WORDS = ("red", "socks", "hose", "hat")
ITEMS = [{"item_id": f"i{number}", "title": f"{WORDS[number % 4]} {'red ' * (number // 4)}"} for number in range(12)]
PREDICT = "/v1/models/relevance:predict"
INFER = "/v2/models/relevance/infer"
USERS = [f"u{number}" for number in range(10)]


def write_other_package(folder):
    """Write a package that likes what the tiny one dislikes, and return its version."""
    write_package(folder)
    onnx.save(build_model(np.ascontiguousarray(LOGITS[[0, 3, 2, 1]])), folder / "model.onnx")
    return package_manifest.write(folder)


class Loop:
    """Two rankers and the interleaver, which can be started again."""

    def __init__(self, laptop, folder):
        self.laptop = laptop
        self.folder = folder
        self.ports = dict(zip(("v1", "v2", "both"), free_ports(3), strict=True))
        self.experiment_id = uuid4().hex
        write_package(folder / "v1")
        write_other_package(folder / "v2")

    def start_ranker(self, name):
        command = [sys.executable, "-m", "serving", f"--package={self.folder / name}", "--text-only", "--no-record"]
        self.laptop.start(name, [*command, f"--port={self.ports[name]}"])
        self.laptop.wait_ready(name, f"{self.url(name)}/v1/models/relevance")

    def start_interleaver(self):
        command = [sys.executable, "-m", "serving.interleaver", f"--stable-url={self.url('v1')}"]
        command += [f"--candidate-url={self.url('v2')}", "--deadline-ms=1500", f"--spool={self.folder / 'spool'}"]
        command += ["--text-only"]
        self.laptop.start("both", [*command, f"--port={self.ports['both']}"])
        self.laptop.wait_ready("both", f"{self.url('both')}/health")

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def kill(self, name):
        self.laptop.processes[name].kill()
        self.laptop.processes.pop(name).wait()

    def page(self, user, token=None):
        """Return a page's items, and the token of the next."""
        body = {"query": "red shoes", "instances": ITEMS, "user_id": user, "page_size": 4} | (
            {"page_token": token} if token else {}
        )
        url = f"{self.url('both')}/v1/models/relevance:predict"
        answer = httpx.post(url, json=body, headers={"x-experiment-id": self.experiment_id}, timeout=30)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        return [row["item_id"] for row in document["predictions"][:4]], document["next_page_token"]

    def search(self, user):
        """Return the items of all pages of a user."""
        items, token = self.page(user)
        while token:
            more, token = self.page(user, token)
            items += more
        return items

    def rows(self, table):
        rows = [row for row in read_log(table) if row["experiment_id"] == self.experiment_id]
        return [row for row in rows if row["assigned_arm"] is None]  # the pages: rankers' parts in them are others


@pytest.fixture(scope="module")
def loop(s3, tmp_path_factory):
    with environment(**s3.environment):
        loop = Loop(s3, tmp_path_factory.mktemp("interleaver"))
        loop.start_ranker("v1")
        loop.start_ranker("v2")
        loop.start_interleaver()
        yield loop
        for name in ("both", "v1", "v2"):
            loop.laptop.stop(name)


def test_faults_lose_and_repeat_nothing(loop, s3):
    first = {user: loop.search(user) for user in USERS}
    answered = 3 * len(USERS)
    loop.kill("both")  # with rows that are not on S3 yet
    loop.start_interleaver()
    assert {user: loop.search(user) for user in USERS} == first
    answered += 3 * len(USERS)
    loop.laptop.processes["v2"].send_signal(signal.SIGSTOP)
    assert len(loop.page("u0")[0]) == 4
    loop.laptop.processes["v2"].send_signal(signal.SIGCONT)
    loop.kill("v2")
    assert len(loop.page("u1")[0]) == 4
    loop.start_ranker("v2")
    assert loop.search("u2") == first["u2"]
    answered += 5
    assert all(sorted(items) == sorted(item["item_id"] for item in ITEMS) for items in first.values())
    assert wait_until(lambda: len(loop.rows("requests")), lambda count: count >= answered, 30) == answered
    rows = loop.rows("exposures")
    assert len(rows) == 4 * answered and max(Counter((row["request_id"], row["item_id"]) for row in rows).values()) == 1
    assert Counter(row["page_kind"] for row in rows) == {"interleaved": 4 * (answered - 2), "fallback": 8}
    check_drafts([row for row in rows if row["page_kind"] == "interleaved"])


def by_item(predictions):
    """Return what a ranker says of each item, whatever its place."""
    return {row["item_id"]: {name: row[name] for name in row if name != "position"} for row in predictions}


def test_scores_are_those_of_a_direct_request(loop):
    body = {"query": "red shoes", "instances": ITEMS}
    direct = [httpx.post(f"{loop.url(name)}{PREDICT}", json=body, timeout=30).json() for name in ("v1", "v2")]
    nobodys = httpx.post(f"{loop.url('both')}{PREDICT}", json=body, timeout=30).json()
    assert nobodys["predictions"] == direct[0]["predictions"] and nobodys["version"] == direct[0]["version"]
    annas = httpx.post(f"{loop.url('both')}{PREDICT}", json=body | {"user_id": "anna"}, timeout=30).json()
    rankers = [by_item(answer["predictions"]) for answer in direct]
    assert rankers[0] != rankers[1]
    for item, row in by_item(annas["predictions"]).items():
        assert row in (rankers[0][item], rankers[1][item])


def test_tensors_are_interleaved_as_json_is(loop):
    titles = [item["title"] for item in ITEMS]
    inputs = [tensor("query", "red shoes"), tensor("title", *titles), tensor("page_size", 4, datatype="INT64")]
    body = {"id": "t1", "inputs": inputs}
    direct = httpx.post(f"{loop.url('v1')}{INFER}", json=body, timeout=30).json()
    nobodys = httpx.post(f"{loop.url('both')}{INFER}", json=body, timeout=60).json()
    assert nobodys["parameters"].pop("next_page_token") and nobodys == direct
    user = tensor("user_id", "anna")
    v1 = {"query": "red shoes", "instances": [{"title": title} for title in titles], "page_size": 4, "user_id": "anna"}
    first = httpx.post(f"{loop.url('both')}{PREDICT}", json=v1, timeout=30).json()
    answer = httpx.post(f"{loop.url('both')}{INFER}", json=body | {"inputs": [*inputs, user]}, timeout=30).json()
    shown = output(answer, "item_id")
    assert shown == [row["item_id"] for row in first["predictions"]] and shown != output(direct, "item_id")
    token = tensor("page_token", answer["parameters"]["next_page_token"])
    second = httpx.post(f"{loop.url('both')}{INFER}", json=body | {"inputs": [*inputs, user, token]}, timeout=30).json()
    assert output(second, "item_id") == shown[4:]
    wrong = httpx.post(f"{loop.url('both')}{INFER}", json={"inputs": "query"}, timeout=30)
    assert wrong.status_code == 400 and wrong.json()["error"]


def output(answer, name):
    return next(tensor["data"] for tensor in answer["outputs"] if tensor["name"] == name)


def test_only_the_interleaver_gets_scores_of_texts(loop):
    body = encode_texts("red shoes", ["hose"])
    for headers in ({}, {SIGNATURE: sign("guessed", body)}):
        answer = httpx.post(f"{loop.url('v1')}{SCORE}", content=body, headers=headers, timeout=30)
        assert answer.status_code == 403


def check_drafts(rows):
    """Check that a user's drafts of a day are one and the same, and differ between users."""
    places = defaultdict(set)
    for row in rows:
        draft = (row["user_hash"], row["draft_day"])
        places[*draft, row["position"]].add((row["item_id"], row["team"], row["stable_rank"], row["candidate_rank"]))
    assert max(map(len, places.values())) == 1
    assert {row["team"] for row in rows} >= {"A", "B"}
    tops = [next(iter(items))[1] for (_, _, position), items in places.items() if position == 1]
    assert set(tops) == {"A", "B"}
