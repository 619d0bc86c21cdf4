"""What a page costs beside the model, and how many a second are answered beside two peers that do less.

Each server is a process of its own; all run at once and are asked in turn, in rounds, and a round's ratio counts.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

import httpx
import numpy as np

from bench.serving import fixtures
from bench.serving.features import ITEMS
from bench.storage import laptop_with_storage
from pipelines.local.ports import free_ports
from pipelines.local.processes import Laptop

CLIENTS = (1, 4, 16)
KINDS = ("ours", "fastapi", "kserve")
STAGES = ("tokenise", "model")
SEEDS = count(100)  # no client asks what another asked: the server remembers scores


def measure_known_pages(folder: Path, requests: int, rounds: int, seconds: int) -> dict:
    """Measure pages of items that a late-interaction student has read before: what a shop's servers mostly answer."""
    package, night, items = fixtures.build_fixtures(folder / "made", fixtures.READ_AHEAD)
    with laptop_with_storage(folder / "state", folder) as machine:
        urls = start(machine, (package, night, folder), KINDS[:2])  # KServe's handler has no states of items
        for kind, url in urls.items():
            show_every_item(kind, url, items)
        figures = overhead(urls["ours"], items, requests) | throughput(urls, items, rounds, seconds)
    return {f"known_{name}": figure for name, figure in figures.items()}


def show_every_item(kind: str, url: str, items: Path) -> None:
    """Have a server read each item that requests draw from."""
    catalogue = fixtures.read_catalogue(items)
    with httpx.Client(timeout=60) as http:
        for begin in range(0, len(catalogue), ITEMS):
            request = {"query": "anything", "query_id": "q1", "items": catalogue[begin : begin + ITEMS]}
            ask(http, kind, url, request)


def start(machine: Laptop, folders: tuple[Path, Path, Path], kinds: Sequence[str] = KINDS) -> dict[str, str]:
    """Start our server and its peers on a package and a night's features, and return their addresses."""
    package, night, folder = folders
    ports = dict(zip(kinds, free_ports(len(kinds)), strict=True))
    ours = ["-m", "serving", f"--package={package}", f"--features={night}", f"--port={ports['ours']}"]
    peers = {kind: ["-m", "bench.serving.peers", kind, str(package), str(ports[kind])] for kind in kinds[1:]}
    for kind, command in ({"ours": [*ours, f"--spool={folder / 'spool'}"]} | peers).items():
        machine.start(kind, [sys.executable, *command])
    for kind, port in ports.items():
        machine.wait_ready(kind, f"http://127.0.0.1:{port}/v1/models/relevance")
    return {kind: f"http://127.0.0.1:{port}" for kind, port in ports.items()}


def ask(http: httpx.Client, kind: str, url: str, request: dict) -> httpx.Response:
    """Send one request: to ours with the items' ids, to a peer with their texts."""
    if kind == "ours":
        ids = [item["item_id"] for item in request["items"]]
        body = {"query": request["query"], "query_id": request["query_id"], "item_ids": ids, "user_id": "anna"}
    else:
        texts = ("title", "brand", "category", "attributes")
        instances = []
        for item in request["items"]:
            instances.append({name: item[name] for name in texts})
        body = {"query": request["query"], "instances": instances}
    answer = http.post(f"{url}/v1/models/relevance:predict", json=body)
    answer.raise_for_status()
    return answer


def overhead(url: str, items: Path, requests: int) -> dict:
    """Measure what one client waits for besides tokenising and the model, in ms and percent."""
    overheads = []
    model = []
    with httpx.Client(timeout=60) as http:
        for number, request in enumerate(islice(fixtures.requests(items, next(SEEDS)), requests + 20)):
            start = time.perf_counter()
            answer = ask(http, "ours", url, request)
            latency_ms = 1000 * (time.perf_counter() - start)
            if number >= 20:  # the first warm it up
                parts = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
                model.append(sum(float(parts[stage]) for stage in STAGES))
                overheads.append(latency_ms - model[-1])
    return {
        "overhead_percent_of_model": round(100 * float(np.median(overheads) / np.median(model)), 2),
        "overhead_median_ms": round(float(np.median(overheads)), 2),
        "overhead_p99_ms": round(float(np.quantile(overheads, 0.99)), 2),
        "overhead_requests": requests,
        "model_ms": round(float(np.median(model)), 1),
    }


def throughput(urls: dict[str, str], items: Path, rounds: int, seconds: int) -> dict:
    """Measure queries a second of every server, and our ratio to each peer.

    Servers are asked in turn. A ratio is the median over rounds.
    """
    kinds = list(urls)
    rates = {(kind, clients): [] for kind in kinds for clients in CLIENTS}
    for number in range(rounds):
        turn = number % len(kinds)
        for clients in CLIENTS:
            for kind in kinds[turn:] + kinds[:turn]:
                rates[kind, clients].append(rate(kind, urls[kind], items, clients, seconds))
    figures = {
        f"{kind}_queries_per_second_{clients}": round(float(np.median(r)), 3) for (kind, clients), r in rates.items()
    }
    for clients in CLIENTS:
        for peer in kinds[1:]:
            ratios = np.array(rates["ours", clients]) / np.array(rates[peer, clients])
            figures[f"throughput_over_{peer}_{clients}"] = round(float(np.median(ratios)), 3)
            figures[f"throughput_over_{peer}_{clients}_low"] = round(float(ratios.min()), 3)
            figures[f"throughput_over_{peer}_{clients}_high"] = round(float(ratios.max()), 3)
    return figures


def rate(kind: str, url: str, items: Path, clients: int, seconds: int) -> float:
    """Measure the queries a second of some clients, each asking again once answered."""
    start = time.monotonic()

    def client(_: int) -> tuple[int, float]:
        answer_count = 0
        requests = fixtures.requests(items, next(SEEDS))
        with httpx.Client(timeout=120) as http:
            while time.monotonic() - start < seconds:
                ask(http, kind, url, next(requests))
                answer_count += 1
        return answer_count, time.monotonic()

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(client, range(clients)))
    return sum(answer_count / (end - start) for answer_count, end in answers)
