"""Interleaved searches through a real Envoy while the interleaver is killed and a ranker paused, at random moments.

Users search all pages of a query again and again. Nobody may see two drafts of one query on one day, nor an item twice
over the pages of a search, and no row of an answer may be missing on S3, or be there twice.
"""

import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import numpy as np

from bench.interleaving.lexical_package import write_lexical_package
from bench.storage import laptop_with_storage
from components.release.router import EnvoyRouter
from pipelines.local.log_uploads import wait_for_uploads
from pipelines.local.processes import Laptop
from pipelines.local.server_commands import DEADLINE_MS, gateway_command
from testing.relevance_server import read_log

SECONDS = 60
USERS = 24
CLIENTS = 3
PAGE_SIZE = 4
SEED = 5
PAUSE_S = (0.5, 4.0)  # of the candidate: shorter and longer than it is waited for
BETWEEN_S = (1.0, 4.0)  # faults
WORDS = ("red", "running", "shoes", "hat", "wool", "socks", "trail", "garden")
QUERIES = ("red running shoes", "wool socks", "trail running shoes")
ITEMS = 12
PATH = "/v1/models/relevance:predict"


@dataclass(frozen=True)
class Page:
    """One answered page."""

    search: tuple[str, str, int]  # user, query, visit
    number: int
    request_id: str
    items: tuple[str, ...]


@dataclass
class Searches:
    """Users who search through the gateway until they are stopped."""

    url: str
    experiment_id: str
    end: threading.Event
    pages: list[Page] = field(default_factory=list)
    unanswered: int = 0

    def visit(self, client: int) -> None:
        """Send a client's users, one search after the other."""
        items = make_items()
        visit = 0
        with httpx.Client(timeout=20) as http:
            while not self.end.is_set():
                for user in range(client, USERS, CLIENTS):
                    search = (f"u{user}", QUERIES[user % len(QUERIES)], visit)
                    self.read_all(http, search, items)
                visit += 1

    def read_all(self, http: httpx.Client, search: tuple[str, str, int], items: Sequence[dict]) -> None:
        """Read all pages of a search, or as many as are answered."""
        user, query, _ = search
        body = {"query": query, "instances": items, "user_id": user, "page_size": PAGE_SIZE}
        headers = {"x-arm": "interleave", "x-experiment-id": self.experiment_id}
        for number in range(1, 1 + ITEMS // PAGE_SIZE):
            body["request_id"] = uuid4().hex
            try:
                answer = http.post(f"{self.url}{PATH}", json=body, headers=headers)
                answer.raise_for_status()
            except httpx.HTTPError:
                self.unanswered += 1
                return
            document = answer.json()
            shown = tuple(row["item_id"] for row in document["predictions"][:PAGE_SIZE])
            self.pages.append(Page(search, number, body["request_id"], shown))
            if not (token := document.get("next_page_token")):
                return
            body["page_token"] = token


@dataclass
class Stack:
    """S3, Envoy, two servers and the interleaver."""

    laptop: Laptop
    packages: tuple[Path, Path]

    def start(self) -> None:
        """Start everything, and send users to the interleaver."""
        laptop = self.laptop
        laptop.start("gateway", gateway_command(laptop.environment["BROADFAST_GATEWAY"], laptop.ports))
        laptop.wait_ready("gateway", f"{laptop.url('admin')}/ready")
        for role, package in zip(("stable", "candidate"), self.packages, strict=True):
            command = [sys.executable, "-m", "serving", f"--package={package}", "--text-only", "--host=127.0.0.1"]
            laptop.start(role, [*command, f"--port={laptop.ports[role]}", f"--spool={laptop.spool(role)}"])
            laptop.wait_ready(role, f"{laptop.url(role)}/v1/models/relevance")
        self.start_interleaver()

    def start_interleaver(self) -> None:
        """Start the interleaver."""
        command = [sys.executable, "-m", "serving.interleaver", "--text-only", f"--deadline-ms={DEADLINE_MS}"]
        command += [f"--stable-url={self.laptop.url('stable')}", f"--candidate-url={self.laptop.url('candidate')}"]
        command += ["--host=127.0.0.1", f"--port={self.laptop.ports['interleaver']}"]
        self.laptop.start("interleaver", [*command, f"--spool={self.laptop.spool('interleaver')}"])
        self.laptop.wait_ready("interleaver", f"{self.laptop.url('interleaver')}/health")

    def kill_interleaver(self, rng) -> None:
        """End the interleaver without a warning, and start it again."""
        self.laptop.processes["interleaver"].kill()
        self.laptop.processes.pop("interleaver").wait()
        self.start_interleaver()

    def pause_candidate(self, rng) -> None:
        """Stop the candidate's server for a while."""
        process = self.laptop.processes["candidate"]
        process.send_signal(signal.SIGSTOP)
        time.sleep(rng.uniform(*PAUSE_S))
        process.send_signal(signal.SIGCONT)

    def reload_routes(self, rng) -> None:
        """Write Envoy's routes anew."""
        EnvoyRouter(Path(self.laptop.environment["BROADFAST_GATEWAY"]), self.laptop.url("admin")).set_traffic(0)


def measure_faults(folder: Path, seconds: float = SECONDS) -> dict:
    """Return faults, answers, and what was lost, repeated or drafted anew."""
    with TemporaryDirectory(dir=folder) as work, ExitStack() as stack:
        home = Path(work)
        (home / "logs").mkdir()
        packages = (home / "v1", home / "v2")
        for package, is_damaged in zip(packages, (False, True), strict=True):
            write_lexical_package(package, WORDS, is_damaged)
        laptop = stack.enter_context(laptop_with_storage(home / "state", home / "logs"))
        servers = Stack(laptop, packages)
        servers.start()
        searches = Searches(laptop.url("internal"), uuid4().hex, threading.Event())
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(searches.visit, client) for client in range(CLIENTS)]
            faults = cause_faults(servers, seconds, searches.end)
            for client in clients:
                client.result()
        wait_for_uploads(laptop.url(role) for role in ("stable", "candidate", "interleaver"))
        return dict(faults) | summarize(searches, read_log("exposures"))


def cause_faults(servers: Stack, seconds: float, end: threading.Event) -> Counter:
    """Cause one fault after the other at random moments, and end the searches when all is well again."""
    rng = np.random.default_rng(SEED)
    faults = {"kills": servers.kill_interleaver, "pauses": servers.pause_candidate, "reloads": servers.reload_routes}
    counts = Counter(dict.fromkeys(faults, 0))
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            time.sleep(rng.uniform(*BETWEEN_S))
            name = str(rng.choice(list(faults)))
            faults[name](rng)
            counts[name] += 1
        time.sleep(BETWEEN_S[1])
    finally:
        end.set()
    return counts


def summarize(searches: Searches, exposures: list[dict]) -> dict:
    """Return the counts of answers, and of what must not be."""
    pages = searches.pages
    drafted = {row["request_id"] for row in exposures if row["page_kind"] == "interleaved"}
    drafts = defaultdict(set)
    items = defaultdict(list)
    for page in pages:
        items[page.search] += page.items
        if page.request_id in drafted:
            user, query, _ = page.search
            drafts[user, query, page.number].add(page.items)
    rows = Counter((row["request_id"], row["item_id"]) for row in exposures)
    shown = Counter((page.request_id, item) for page in pages for item in page.items)
    return {
        "pages": len(pages),
        "drafted_pages": sum(page.request_id in drafted for page in pages),
        "unanswered": searches.unanswered,
        "searches": len({page.search for page in pages}),
        "drafts_that_differ": sum(len(versions) > 1 for versions in drafts.values()),
        "items_twice": sum(len(shown_items) != len(set(shown_items)) for shown_items in items.values()),
        "rows": len(exposures),
        "rows_lost": sum((shown - rows).values()),
        "rows_twice": sum(count - 1 for count in rows.values()),
    }


def make_items() -> list[dict]:
    """Return items whose titles share more or fewer words with the queries."""
    titles = [" ".join(WORDS[(number * step) % len(WORDS)] for step in (1, 3, 5)) for number in range(ITEMS)]
    return [{"item_id": f"i{number}", "title": title} for number, title in enumerate(titles)]
