"""Measure serving: `python -m bench.serving.measure --help`.

Each server is a process of its own; all run at once and are asked in turn, in rounds, and a round's ratio counts.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import typer

from bench.figures import describe_machine, once, show, write_results
from bench.serving import features, fixtures
from bench.storage import laptop_with_storage
from pipelines.local.ports import free_ports
from pipelines.local.processes import Laptop
from testing import request_fuzz, server_faults

HERE = Path("runs/bench")
CLIENTS = (1, 4, 16)
KINDS = ("ours", "fastapi", "kserve")
STAGES = ("tokenise", "model")
SEEDS = count(100)  # no client asks what another asked: the server remembers scores

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    requests: Annotated[int, typer.Option(help="Requests of one client, for the overhead.")] = 300,
    rounds: Annotated[int, typer.Option(help="Rounds of throughput, of every server and number of clients.")] = 3,
    seconds: Annotated[int, typer.Option(help="Length of one measurement of throughput.")] = 12,
    fault_rounds: Annotated[int, typer.Option(help="Kills, outages and full disks.")] = 20,
    tries: Annotated[int, typer.Option(help="Requests that callers should not send.")] = request_fuzz.TRIES,
) -> None:
    """Measure overhead, throughput beside two peers, features, faults and nonsense.

    This takes about 30 minutes on two cores. Figures are kept below runs/bench/serving: the same command goes on.
    """
    folder = HERE / "serving"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine()}
    package, night, items = fixtures.build_fixtures(folder / "made")
    with laptop_with_storage(folder / "state", folder) as machine:
        urls = start(machine, package, night, folder)
        figures |= once(folder / "overhead.json", lambda: overhead(urls["ours"], items, requests))
        figures |= once(folder / "throughput.json", lambda: throughput(urls, items, rounds, seconds))
        figures |= once(
            folder / "fuzz.json", lambda: request_fuzz.fuzz_figures(urls["ours"], fixtures.item_ids(items), tries)
        )
    figures |= once(folder / "features.json", lambda: features.feature_figures(night))
    figures |= once(folder / "faults.json", lambda: server_faults.fault_figures(folder / "faults", fault_rounds))
    (HERE / "serving.json").write_text(json.dumps(figures, indent=1))
    write_results("serving", figures, "a cross-encoder of MiniLM-L6's size, 50 items a query, no query twice")
    plot(figures, HERE / "serving.png")
    show("serving", figures)


def start(machine: Laptop, package: Path, night: Path, folder: Path) -> dict[str, str]:
    """Start our server and its two peers, and return their addresses."""
    ports = dict(zip(KINDS, free_ports(len(KINDS)), strict=True))
    ours = ["-m", "serving", f"--package={package}", f"--features={night}", f"--port={ports['ours']}"]
    peers = {kind: ["-m", "bench.serving.peers", kind, str(package), str(ports[kind])] for kind in KINDS[1:]}
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
        "overhead_median_percent": round(100 * float(np.median(overheads) / np.median(model)), 2),
        "overhead_median_ms": round(float(np.median(overheads)), 2),
        "overhead_p99_ms": round(float(np.quantile(overheads, 0.99)), 2),
        "overhead_requests": requests,
        "model_median_ms": round(float(np.median(model)), 1),
    }


def throughput(urls: dict[str, str], items: Path, rounds: int, seconds: int) -> dict:
    """Measure queries a second of every server, and our ratio to each peer.

    Servers are asked in turn. A ratio is the median over rounds.
    """
    rates = {(kind, clients): [] for kind in KINDS for clients in CLIENTS}
    for number in range(rounds):
        for clients in CLIENTS:
            for kind in KINDS[number % 3 :] + KINDS[: number % 3]:
                rates[kind, clients].append(rate(kind, urls[kind], items, clients, seconds))
    figures = {
        f"{kind}_queries_per_second_{clients}": round(float(np.median(r)), 3) for (kind, clients), r in rates.items()
    }
    for clients in CLIENTS:
        for peer, name in (("fastapi", "fastapi"), ("kserve", "kserve_handler")):
            ratios = np.array(rates["ours", clients]) / np.array(rates[peer, clients])
            figures[f"throughput_over_{name}_{clients}"] = round(float(np.median(ratios)), 3)
            figures[f"throughput_over_{name}_{clients}_low"] = round(float(ratios.min()), 3)
            figures[f"throughput_over_{name}_{clients}_high"] = round(float(ratios.max()), 3)
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


def plot(figures: dict, path: Path) -> None:
    """Draw queries a second by server and number of clients."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for index, kind in enumerate(KINDS):
        rates = [figures[f"{kind}_queries_per_second_{clients}"] for clients in CLIENTS]
        axes.bar(np.arange(len(CLIENTS)) + 0.27 * (index - 1), rates, 0.25, label=kind)
    axes.set_xticks(range(len(CLIENTS)), [f"{clients} clients" for clients in CLIENTS])
    axes.set_ylabel(f"queries of {fixtures.ITEMS} items a second")
    axes.legend()
    drawing.savefig(path, dpi=150)


if __name__ == "__main__":
    app()
