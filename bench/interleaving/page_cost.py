"""What an interleaved page of 50 known items costs over one ranker's: CPU and median time, in turn in one run.

Two servers with the same student under two versions, so that only the second ranking and the merging are added.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import httpx
import numpy as np
import psutil

from bench.serving.fixtures import build_fixtures, requests
from components import storage
from pipelines.local.ports import free_ports
from pipelines.local.processes import Laptop
from testing.tiny_package import copy_package

ROUNDS = 5
PAGES = 60  # a round, target and number of clients
CLIENTS = (1, 16)
PATH = "/v1/models/relevance:predict"
SEED = 5
WARM_UP = 150


def measure_page_cost(folder: Path) -> dict:
    """Measure both kinds of pages, in turn; medians over rounds, with the lowest and the highest round."""
    package, features, items = build_fixtures(folder)
    candidate = folder / "candidate"
    if not candidate.exists():
        temperature = json.loads((package / "config.json").read_text())["temperature"]
        copy_package(package, candidate, temperature=1.001 * temperature)
    bodies = requests(items, SEED)
    with Laptop(folder / "state", folder) as machine, patch.dict(os.environ):
        machine.start_s3()
        os.environ.update(machine.environment)
        storage.ensure_bucket()
        urls = start_servers(machine, (package, candidate), features)
        send(urls["interleaver"], list(islice(bodies, WARM_UP)), 4)
        rounds = [measure_round(machine, urls, bodies) for _ in range(ROUNDS)]
    return summarize(rounds)


def start_servers(machine: Laptop, packages: tuple[Path, Path], features: Path) -> dict[str, str]:
    """Start two servers and the interleaver, and return their addresses."""
    names = ("stable", "candidate", "interleaver")
    urls = {name: f"http://127.0.0.1:{port}" for name, port in zip(names, free_ports(3), strict=True)}
    for name, package in zip(names, packages, strict=False):
        command = [sys.executable, "-m", "serving", f"--package={package}", f"--features={features}"]
        spool = machine.home / "spool" / name
        machine.start(name, [*command, f"--port={urls[name].rpartition(':')[2]}", f"--spool={spool}"])
        machine.wait_ready(name, f"{urls[name]}/v1/models/relevance")
    command = [sys.executable, "-m", "serving.interleaver", f"--port={urls['interleaver'].rpartition(':')[2]}"]
    command += [f"--stable-url={urls['stable']}", f"--candidate-url={urls['candidate']}", "--deadline-ms=5000"]
    machine.start("interleaver", [*command, f"--spool={machine.home / 'spool' / 'interleaver'}"])
    machine.wait_ready("interleaver", f"{urls['interleaver']}/health")
    return urls


def measure_round(machine: Laptop, urls: dict[str, str], bodies) -> dict[str, float]:
    """Return CPU and latency of both kinds of pages, with few clients and with many."""
    figures = {}
    for clients in CLIENTS:
        for target in ("stable", "interleaver"):
            before = read_cpu(machine)
            latencies = send(urls[target], list(islice(bodies, PAGES)), clients)
            spent = {name: 1000 * (cpu - before[name]) / PAGES for name, cpu in read_cpu(machine).items()}
            figures[f"{target}_cpu_ms_{clients}"] = sum(spent.values())
            figures[f"{target}_p50_ms_{clients}"] = float(np.median(latencies))
            if target == "interleaver":
                figures[f"merging_cpu_ms_{clients}"] = spent["interleaver"]
    return figures


def read_cpu(machine: Laptop) -> dict[str, float]:
    """Return the CPU seconds of the servers so far."""
    times = {}
    for name in ("stable", "candidate", "interleaver"):
        spent = psutil.Process(machine.processes[name].pid).cpu_times()
        times[name] = spent.user + spent.system
    return times


def send(url: str, bodies: list[dict], clients: int) -> list[float]:
    """Send pages and return how long each took, ms."""
    with httpx.Client(timeout=60) as http, ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda body: send_one(http, url, body), bodies))


def send_one(http: httpx.Client, url: str, body: dict) -> float:
    """Send one page and return how long it took, ms."""
    item_ids = [row["item_id"] for row in body["items"]]
    document = {"query": body["query"], "query_id": body["query_id"], "item_ids": item_ids, "page_size": 10}
    begin = time.perf_counter()
    response = http.post(f"{url}{PATH}", json=document | {"user_id": body["query"]})
    response.raise_for_status()
    return 1000 * (time.perf_counter() - begin)


def summarize(rounds: list[dict[str, float]]) -> dict:
    """Return medians over rounds, and ratios with their lowest and highest round."""
    figures = {name: round(float(np.median([one[name] for one in rounds])), 2) for name in rounds[0]}
    for kind in ("cpu", "p50"):
        for clients in CLIENTS:
            key = f"{kind}_ms_{clients}"
            ratios = [one[f"interleaver_{key}"] / one[f"stable_{key}"] for one in rounds]
            name = f"page_{kind}_ratio_{clients}"
            figures |= {name: round(float(np.median(ratios)), 3), f"{name}_low": round(min(ratios), 3)}
            figures[f"{name}_high"] = round(max(ratios), 3)
    return figures
