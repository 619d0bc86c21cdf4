"""A release that is really served beside the workbench: two tiny packages, their servers, a gateway, a canary."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from components import storage
from components.release import candidate
from components.release.decisions import decide
from components.release.gate_verdict import GateVerdict
from components.release_state import Intent
from components.release_store import read_state
from components.waiting import wait_until
from pipelines.local.processes import Laptop
from pipelines.local.workbench import serve
from testing.compared_nights import write_night
from testing.servers import environment, free_ports
from testing.tiny_package import LOGITS, write_package

START_S = 180
REQUESTS = 40
BODY = {"query": "red", "instances": [{"title": "red socks"}]}


@dataclass(frozen=True)
class ServedRelease:
    """The addresses of the page and of the gateway, and both versions."""

    page_url: str
    gateway_url: str
    stable: str
    candidate: str

    def ask(self, arm: str = "") -> str:
        """Return the version that answers a request, "" where nobody does."""
        headers = {"x-arm": arm} if arm else {}
        with suppress(httpx.HTTPError):
            answer = httpx.post(f"{self.gateway_url}/v1/models/relevance:predict", json=BODY, headers=headers)
            return answer.headers.get("x-model-version", "")
        return ""

    def count_versions(self) -> dict[str, int]:
        """Return how many of some requests without an arm each version answers."""
        answers = [self.ask() for _ in range(REQUESTS)]
        return {version: answers.count(version) for version in set(answers)}


@contextmanager
def serve_release(folder: Path, pairs: list[dict]) -> Iterator[ServedRelease]:
    """Serve a stable version, a candidate with 5% of the traffic, and the workbench on a night of these pairs."""
    with environment(BROADFAST_FEATURE_STORE="off"), Laptop(folder / "state", folder) as laptop:
        laptop.start_s3()
        with environment(**laptop.environment):
            storage.ensure_bucket()
            write_night(5, pairs)
            stable, version = register_versions(folder)
            (port,) = free_ports(1)
            served = ServedRelease(f"http://127.0.0.1:{port}", laptop.url("internal"), stable, version)
            thread = threading.Thread(target=serve_until_stopped, args=(laptop, folder, port))
            thread.start()
            try:
                wait_for_sides(served)
                yield served
            finally:
                laptop.stop("workbench")
                thread.join()


def register_versions(folder: Path) -> tuple[str, str]:
    """Make one version stable and another its candidate, with an open move to 5%, and return both.

    To the candidate socks are irrelevant, and a hose is a Complement.
    """
    stable = write_package(folder / "stable")
    version = write_package(folder / "candidate", LOGITS[[0, 1, 3, 2]])
    candidate.register_baseline(folder / "stable")
    verdict = GateVerdict("release", ["because"], version, "", rows=0, queries=0, metrics={})
    candidate.start_canary(folder / "candidate", verdict)
    decide(Intent("ramp", "for a trial", percent=5, by="test"))  # of somebody whose command was killed
    return stable, version


def serve_until_stopped(laptop: Laptop, features: Path, port: int) -> None:
    """Serve as `make workbench` does; that the page ended is what ends it."""
    with suppress(RuntimeError):
        serve(laptop, features, port)


def wait_for_sides(served: ServedRelease) -> None:
    """Wait until each arm is answered by its own version, and the open move is finished.

    Raises:
        TimeoutError: one is not.
    """
    sides = {"control": served.stable, "treatment": served.candidate}

    def is_done() -> bool:
        return all(served.ask(arm) == version for arm, version in sides.items()) and not read_state().intent

    if not wait_until(is_done, bool, START_S, 0.1):
        raise TimeoutError(f"not all sides are served after {START_S} s: {read_state()}")
