"""What an interleaved page of 50 known items costs over one ranker's: CPU, median and p99, in turn in one run.

Two servers with the same student under two versions, so that only the second ranking and the merging are added. Blocks
of pages to stable alone and to the interleaver follow each other, so that whatever else runs on the machine meets both.
"""

import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil

from bench.interleaving.page_figures import Block, summarize
from bench.serving.features import ITEMS
from bench.serving.fixtures import READ_AHEAD, build_fixtures, item_ids, requests
from bench.storage import laptop_with_storage
from pipelines.local.ports import free_ports
from pipelines.local.processes import Laptop
from testing.tiny_package import copy_package

BLOCKS = 24  # of each target and number of clients
PAGES = {1: 20, 16: 32}  # of a block, by the number of clients
NEW_ITEM_PAGES = 4
PATH = "/v1/models/relevance:predict"
SEED = 5
WARM_UP = 20
KNOWN_ITEMS = 150
TARGETS = ("stable", "interleaver")
FALLBACKS = 'broadfast_interleaved_pages_total{kind="fallback"}'


def measure_page_cost(folder: Path) -> dict:
    """Measure both kinds of pages, in turn, and what pages of new items cost a ranker."""
    package, features, items = build_fixtures(folder, READ_AHEAD)
    candidate = folder / "candidate"
    if not candidate.exists():
        temperature = json.loads((package / "config.json").read_text())["temperature"]
        copy_package(package, candidate, temperature=1.001 * temperature)
    with laptop_with_storage(folder / "state", folder) as machine:
        urls = start_servers(machine, (package, candidate), features)
        bodies = known_requests(items)
        send(urls["interleaver"], list(islice(bodies, WARM_UP)), 1)
        blocks = list(measure_blocks(machine, urls, bodies))
        new_bodies = map(new_items, islice(requests(items, SEED), NEW_ITEM_PAGES))
        new = measure_block(machine, urls, "interleaver", list(new_bodies))
        check_no_fallback(urls["interleaver"])
    return summarize(blocks) | {"new_items_ranker_cpu_ms": round(1000 * new.cpu_s["candidate"] / NEW_ITEM_PAGES, 1)}


def start_servers(machine: Laptop, packages: tuple[Path, Path], features: Path) -> dict[str, str]:
    """Start two servers and the interleaver, and return their addresses."""
    names = ("stable", "candidate", "interleaver")
    urls = {name: f"http://127.0.0.1:{port}" for name, port in zip(names, free_ports(3), strict=True)}
    for name, package in zip(names, packages, strict=False):
        command = [sys.executable, "-m", "serving", f"--package={package}", f"--features={features}"]
        spool = machine.home / "spool" / name
        machine.start(name, [*command, f"--port={urls[name].rpartition(':')[2]}", f"--spool={spool}"])
    command = [sys.executable, "-m", "serving.interleaver", f"--port={urls['interleaver'].rpartition(':')[2]}"]
    command += [f"--stable-url={urls['stable']}", f"--candidate-url={urls['candidate']}", "--deadline-ms=9000"]
    command += [f"--features={features}", f"--spool={machine.home / 'spool' / 'interleaver'}"]
    machine.start("interleaver", command)
    for name in names[:2]:
        machine.wait_ready(name, f"{urls[name]}/v1/models/relevance")
    machine.wait_ready("interleaver", f"{urls['interleaver']}/health")
    return urls


def known_requests(items: Path) -> Iterator[dict]:
    """Yield requests without end, of new queries and of items that the warm-up has encoded."""
    rng = np.random.default_rng(SEED)
    known_ids = np.array(item_ids(items, KNOWN_ITEMS))
    for body in requests(items, SEED):
        chosen = rng.choice(known_ids, ITEMS, replace=False).tolist()
        yield {"query": body["query"], "query_id": body["query_id"], "item_ids": chosen}


def new_items(body: dict) -> dict:
    """Return a request with items that nobody has encoded."""
    items = [{"item_id": row["item_id"], "title": f"{row['title']} {body['query']}"} for row in body["items"]]
    return {"query": body["query"], "instances": items}


def measure_blocks(machine: Laptop, urls: dict[str, str], bodies: Iterator[dict]) -> Iterator[Block]:
    """Yield blocks of both targets in turn, with few clients and with many."""
    for number in range(BLOCKS):
        for clients, pages in PAGES.items():
            for target in TARGETS[:: 1 if number % 2 else -1]:
                yield measure_block(machine, urls, target, list(islice(bodies, pages)), clients)


def measure_block(machine: Laptop, urls: dict[str, str], target: str, bodies: list[dict], clients: int = 1) -> Block:
    """Send a block of pages, and return how long each took and what it cost."""
    before = read_cpu(machine)
    latencies_ms = send(urls[target], bodies, clients)
    return Block(target, clients, latencies_ms, {name: cpu - before[name] for name, cpu in read_cpu(machine).items()})


def read_cpu(machine: Laptop) -> dict[str, float]:
    """Return the CPU seconds of the servers so far."""
    times = {}
    for name in ("stable", "candidate", "interleaver"):
        spent = psutil.Process(machine.processes[name].pid).cpu_times()
        times[name] = spent.user + spent.system
    return times


def send(url: str, bodies: list[dict], clients: int) -> list[float]:
    """Send pages, each client over one connection, and return how long each took, ms."""
    local = threading.local()
    address = urlsplit(url).netloc

    def send_one(body: dict) -> float:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection(address, timeout=60)
            local.connection.connect()
        content = json.dumps(body | {"page_size": 10, "user_id": body["query"]})
        begin = perf_counter()
        local.connection.request("POST", PATH, content, {"content-type": "application/json"})
        response = local.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{url} answers {response.status}: {answer[:200]!r}")
        return 1000 * (perf_counter() - begin)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(send_one, bodies))


def check_no_fallback(url: str) -> None:
    """Check that each page was drafted from both rankers.

    Raises:
        RuntimeError: one was not, so that the figures are of something else.
    """
    if FALLBACKS in httpx.get(f"{url}/metrics").text:
        raise RuntimeError("a page had one ranker's list: measure again on a quieter machine")
