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
from testing.relevance_server import read_log
from testing.servers import environment
from testing.tiny_package import LOGITS, build_model, write_package

pytestmark = pytest.mark.slow  # starts servers

WORDS = ("red", "socks", "hose", "hat")
ITEMS = [{"item_id": f"i{number}", "title": f"{WORDS[number % 4]} {'red ' * (number // 4)}"} for number in range(12)]
USERS = [f"u{number}" for number in range(10)]


def write_other_package(folder):
    """Write a package that likes what the tiny one dislikes, and return its version."""
    write_package(folder)
    model = build_model()
    weights = onnx.numpy_helper.from_array(np.ascontiguousarray(LOGITS[[0, 3, 2, 1]]), "words")
    model.graph.initializer[0].CopyFrom(weights)
    onnx.save(model, folder / "model.onnx")
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
        return [row for row in read_log(table) if row["experiment_id"] == self.experiment_id]


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
