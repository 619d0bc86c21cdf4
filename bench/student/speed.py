"""Speed of a package's paths beside the best peer: CPU time in interleaved rounds, and latency by number of items."""

import json
import shutil
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from bench.student import costs
from bench.student.load_client import ScoringWorker
from components import package_manifest
from components.scoring.package_config import ONNX_RUNTIME

ITEM_COUNTS = (1, 10, 50, 200)
WARM_UP_ROUNDS = 2
LATENCY_REQUESTS = 60
LATENCY_WARM_UP = 5
PEER_REQUESTS = 25


def fastest_peer(commands: dict[str, list], requests: Callable) -> dict:
    """Measure every peer's CPU time of five requests of 50 items, and name the fastest."""
    cpu_ms = {}
    for name, command in commands.items():
        with ScoringWorker(*command) as peer:
            answers = [peer.score(*request)["cpu_ms"] for request in islice(requests(50), 6)]
        cpu_ms[name] = float(np.median(answers[1:]))
        print(f"{name}: {cpu_ms[name]:.0f} ms", file=sys.stderr, flush=True)
    figures = {f"peer_ms_{name.replace(' ', '_')}": round(value, 1) for name, value in cpu_ms.items()}
    return {"best_peer": min(cpu_ms, key=cpu_ms.get)} | figures


def graph_command(package: Path, graph: str, kind: str) -> list:
    """Return the command that scores with one of a package's graphs, `cold` or `warm`."""
    return [Path(sys.executable), "ours", copy_with_graph(package, graph), 0, kind]


def copy_with_graph(package: Path, graph: str) -> Path:
    """Copy a package once to one that serves this graph."""
    copy = package.with_name(f"{package.name}-{graph}")
    if not copy.exists():
        shutil.copytree(package, copy)
        config = json.loads((copy / "config.json").read_text())
        if graph != config["served"]:
            config |= {"served": graph, "runtime": ONNX_RUNTIME, "precision": "f32"}
        (copy / "config.json").write_text(json.dumps(config))
        package_manifest.write(copy)
    return copy


def served_graph(package: Path) -> str:
    """Return the name of the graph that a package serves."""
    return json.loads((package / "config.json").read_text())["served"]


def path_commands(peer: list, cross_encoder: Path, late_interaction: Path) -> dict[str, list]:
    """Return the command of every path by name.

    A server remembers the items that it has encoded: `precomputed` measures those, `exact` and `approximate` new ones.
    """
    return {
        "peer": peer,
        "cross_encoder": graph_command(cross_encoder, "model.onnx", "cold"),
        "cross_encoder_int8": graph_command(cross_encoder, "model.int8.onnx", "cold"),
        "exact": graph_command(late_interaction, "interaction.onnx", "cold"),
        "approximate": graph_command(late_interaction, "interaction.int8.onnx", "cold"),
        "precomputed": graph_command(late_interaction, "interaction.onnx", "warm"),
        "precomputed_int8": graph_command(late_interaction, "interaction.int8.onnx", "warm"),
    }


def measure_speed(commands: dict[str, list], package: Path, requests: Callable, rounds: int) -> dict:
    """Measure the ratio of the peer's CPU time to each path's, with the share of the GEMM peak."""
    workers = {name: ScoringWorker(*command) for name, command in commands.items()}
    cpu_ms: dict[str, list] = {name: [] for name in workers}
    gemm_peaks = []
    tokens = []
    for number, (query, items) in enumerate(islice(requests(50), rounds + WARM_UP_ROUNDS)):
        for name in rotate(list(workers), number):
            if name.startswith("precomputed"):
                workers[name].score(f"prepare {number}", items)  # another query: only the items are remembered
            cpu_ms[name].append(workers[name].score(query, items)["cpu_ms"])
        gemm_peaks.append(costs.gemm_peak())
        tokens.append(costs.pair_tokens(package, query, items))
    for worker in workers.values():
        worker.close()
    measured = {name: np.array(values[WARM_UP_ROUNDS:]) for name, values in cpu_ms.items()}
    figures = speed_figures(measured, served_graph(package))
    figures |= gemm_figures(measured, gemm_peaks[WARM_UP_ROUNDS:], tokens[WARM_UP_ROUNDS:])
    return figures | costs.encoding_costs(package, requests)


def rotate(names: list[str], number: int) -> list[str]:
    """Return the names from another one on each time, so that each path is first in turn."""
    start = number % len(names)
    return names[start:] + names[:start]


def speed_figures(cpu_ms: dict[str, np.ndarray], graph: str) -> dict:
    """Return each path's CPU time, and its speed-up over the peer with its 10% and 90% quantiles."""
    default = "precomputed_int8" if "int8" in graph else "precomputed"
    figures: dict = {"served": graph, "default": default}
    for name, values in cpu_ms.items():
        figures[f"cpu_ms_{name}"] = round(float(np.median(values)), 1)
        if name != "peer":
            figures |= ratio_figures(f"speedup_{name}", cpu_ms["peer"] / values)
    figures |= ratio_figures("speedup_over_best_peer", cpu_ms["peer"] / cpu_ms[default])
    figures["pairs_per_cpu_second"] = round(50_000 / float(np.median(cpu_ms[default])), 1)
    return figures


def ratio_figures(name: str, ratios: np.ndarray) -> dict:
    """Return the median of ratios with their 10% and 90% quantiles."""
    low, high = np.quantile(ratios, [0.1, 0.9])
    median = round(float(np.median(ratios)), 3)
    return {name: median, f"{name}_low": round(float(low), 3), f"{name}_high": round(float(high), 3)}


def gemm_figures(cpu_ms: dict[str, np.ndarray], gemm_peaks: list[float], tokens: list) -> dict:
    """Return the share of the GEMM peak that new items reach, by architecture."""
    figures: dict = {}
    for name, architecture in (("cross_encoder", "cross"), ("exact", "apart")):
        shares = costs.flops(architecture, tokens) / cpu_ms[name] * 1000 / np.array(gemm_peaks)
        figures[f"share_of_gemm_peak_{name}"] = round(float(np.median(shares)), 3)
    figures["share_of_gemm_peak"] = figures["share_of_gemm_peak_exact"]
    figures["gemm_peak_gflops"] = round(float(np.median(gemm_peaks)) / 1e9, 1)
    pair_lengths = [sum(pair) for request in tokens for pair in request]
    figures["tokens_per_pair"] = round(float(np.mean(pair_lengths)), 1)
    return figures


def measure_latency(peer: list, package: Path, requests: Callable) -> dict:
    """Measure p50 and p99 of a request's wall time, of new and known items and of the peer."""
    figures: dict = {}
    graph = served_graph(package)
    with (
        ScoringWorker(*graph_command(package, graph, "cold")) as cold,
        ScoringWorker(*graph_command(package, graph, "warm")) as warm,
        ScoringWorker(*peer) as peer_worker,
    ):
        for size in ITEM_COUNTS:
            wall_ms: dict[str, list] = {"": [], "new_": [], "peer_": []}
            for number, (query, items) in enumerate(islice(requests(size), LATENCY_REQUESTS)):
                wall_ms["new_"].append(cold.score(query, items)["wall_ms"])
                warm.score(f"prepare {number}", items)  # another query: only the items are remembered
                wall_ms[""].append(warm.score(query, items)["wall_ms"])
                if number < PEER_REQUESTS:
                    wall_ms["peer_"].append(peer_worker.score(query, items)["wall_ms"])
            for prefix, values in wall_ms.items():
                figures |= latency_figures(f"{prefix}p50_ms_{size}_items", f"{prefix}p99_ms_{size}_items", values)
    return figures


def latency_figures(median_name: str, tail_name: str, wall_ms: list[float]) -> dict:
    """Return p50 and p99 without the first requests."""
    values = wall_ms[LATENCY_WARM_UP:]
    return {median_name: round(float(np.median(values)), 1), tail_name: round(float(np.quantile(values, 0.99)), 1)}
