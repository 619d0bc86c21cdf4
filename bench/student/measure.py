"""Measure the student beside its peers: speed, load, memory, training. `python -m bench.student.measure`.

Leaves runs/bench/student.json and .png. Every path is a process of its own with one thread; all are asked the same
requests in turn, in rounds, and CPU time counts. What has been measured is kept below runs/bench/student.
"""

import json
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.esci import esci_option
from bench.figures import machine_of, once, show
from bench.student import costs, quality
from bench.student.load_client import Asked, requests_of
from bench.student.peers import environments, peer_model, peers
from bench.student.training import training
from components import package_manifest
from components.packaging.package import make_package
from components.student.config import LrkdConfig
from components.student.train import train
from pipelines.profiles import laptop

HERE = Path("runs/bench")
SIZES = (1, 10, 50, 200)
SHORT = replace(laptop().student, max_length=96, query_length=32, train_share=0.15, epochs=1)
CROSS = replace(SHORT, architecture="cross_encoder")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: Annotated[Path, esci_option(": requests are its queries and titles.")],
    rounds: Annotated[int, typer.Option(help="Rounds, each with a new query and other items.")] = 25,
) -> None:
    """Measure speed beside sentence-transformers, infinity and plain ONNX Runtime; quality; loading; training.

    About 40 minutes. Quality is of the students that `make ablation` has trained.
    """
    folder = HERE / "student"
    folder.mkdir(parents=True, exist_ok=True)
    pythons = environments(folder / "environments")
    asked = requests_of(esci)
    cross, apart = (made(esci, folder / name, config) for name, config in (("cross", CROSS), ("apart", SHORT)))
    model = peer_model(SHORT.encoder, pythons["sentence-transformers"], folder / "peer")
    figures = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_of()}
    figures |= once(folder / "peers.json", lambda: best_of_peers(peers(pythons, model), asked))
    exact = min(value for name, value in figures.items() if name.startswith("peer_ms_") and "int8" not in name)
    chosen = peers(pythons, model)[figures["best_peer"]]
    figures |= once(folder / "speed.json", lambda: speed(chosen, cross, apart, asked, rounds))
    figures["exact_over_best_fp32_peer"] = round(exact / figures["cpu_ms_exact"], 3)
    figures |= once(folder / "latency.json", lambda: latency(chosen, apart, asked))
    figures |= once(folder / "load.json", lambda: costs.load(apart, asked))
    figures |= once(folder / "extractor.json", lambda: costs.extractor(apart, folder / "apart-student", asked))
    figures |= once(folder / "training.json", lambda: training(folder, laptop().student))
    figures |= quality.measure_quality(HERE / "ablation")
    (HERE / "student.json").write_text(json.dumps(figures, indent=1))
    plot(figures, HERE / "student.png")
    show("the student", figures)


def made(esci: Path, folder: Path, config: LrkdConfig) -> Path:
    """A package of a student that was trained for a moment: its speed does not depend on its weights."""
    if not (folder / "manifest.json").exists():
        tables = costs.tables(esci, folder.parent)
        trained = folder.with_name(f"{folder.name}-student")
        train(*tables, config, trained)
        make_package(trained, tables[1], tables[0], folder)
    return folder


def best_of_peers(commands: dict[str, list], asked) -> dict:
    """Every peer's CPU time of five requests of 50 items; the least of them is the one to beat."""
    took = {}
    for name, command in commands.items():
        with Asked(*command) as peer:
            took[name] = float(np.median([peer.ask(*request)["cpu_ms"] for request in islice(asked(50), 6)][1:]))
        print(f"{name}: {took[name]:.0f} ms", file=sys.stderr, flush=True)
    found = {f"peer_ms_{name.replace(' ', '_')}": round(value, 1) for name, value in took.items()}
    return {"best_peer": min(took, key=took.get)} | found


def ours(package: Path, graph: str, kind: str) -> list:
    """The command of a package's graph, asked cold or warm."""
    return [Path(sys.executable), "ours", served(package, graph), 0, kind]


def served(package: Path, graph: str) -> Path:
    """A copy of the package that serves this graph."""
    copy = package.with_name(f"{package.name}-{graph}")
    if not copy.exists():
        shutil.copytree(package, copy)
        config = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps(config | {"served": graph}))
        package_manifest.write(copy)
    return copy


def speed(best: list, cross: Path, apart: Path, asked, rounds: int) -> dict:
    """Ratios of the best peer's CPU time to each of our paths', in interleaved rounds; and the GEMM peak beside.

    What is served remembers the items that it has read: `precomputed`, and `exact` or `approximate` for new ones.
    """
    default = "precomputed_int8" if "int8" in graph_of(apart) else "precomputed"
    commands = {
        "peer": best,
        "cross_encoder": ours(cross, "model.onnx", "cold"),
        "cross_encoder_int8": ours(cross, "model.int8.onnx", "cold"),
        "exact": ours(apart, "interaction.onnx", "cold"),
        "approximate": ours(apart, "interaction.int8.onnx", "cold"),
        "precomputed": ours(apart, "interaction.onnx", "warm"),
        "precomputed_int8": ours(apart, "interaction.int8.onnx", "warm"),
    }
    paths = {name: Asked(*command) for name, command in commands.items()}
    times: dict[str, list] = {name: [] for name in paths}
    peaks, tokens = [], []
    for number, (query, items) in enumerate(islice(asked(50), rounds + 2)):
        for name in [*paths][number % len(paths) :] + [*paths][: number % len(paths)]:
            if name.startswith("precomputed"):
                paths[name].ask(f"prepare {number}", items)  # another query: of these items alone is anything kept
            times[name].append(paths[name].ask(query, items)["cpu_ms"])
        peaks.append(costs.gemm_peak())
        tokens.append(costs.pair_tokens(apart, query, items))
    for path in paths.values():
        path.close()
    took = {name: np.array(each[2:]) for name, each in times.items()}
    found = {}
    for name in paths:
        ratios = took["peer"] / took[name]
        label = "speedup_over_best_peer" if name == default else f"speedup_{name}"
        for key in {label, f"speedup_{name}"} if name != "peer" else ():
            found |= {key: round(float(np.median(ratios)), 3)}
            found |= {f"{key}_low": round(float(np.quantile(ratios, 0.1)), 3)}
            found |= {f"{key}_high": round(float(np.quantile(ratios, 0.9)), 3)}
        found[f"cpu_ms_{name}"] = round(float(np.median(took[name])), 1)
    found["served"], found["default"] = graph_of(apart), default
    found["pairs_per_cpu_second"] = round(50_000 / float(np.median(took[default])), 1)
    for name, layers in (("cross_encoder", "cross"), ("exact", "apart")):
        shares = costs.flops(layers, tokens[2:]) / took[name] * 1000 / np.array(peaks[2:])
        found[f"share_of_gemm_peak_{name}"] = round(float(np.median(shares)), 3)
    found["share_of_gemm_peak"] = found["share_of_gemm_peak_exact"]
    found["gemm_peak_gflops"] = round(float(np.median(peaks)) / 1e9, 1)
    found["tokens_per_pair"] = round(float(np.mean([sum(pair) for request in tokens for pair in request])), 1)
    return found | costs.preparing(apart, asked)


def graph_of(package: Path) -> str:
    """The graph that a package serves."""
    return json.loads((package / "config.json").read_text())["served"]


def latency(best: list, apart: Path, asked) -> dict:
    """Wall time of a request of 1, 10, 50 and 200 items, p50 and p99: of items that are new, known, and of the peer."""
    found = {}
    cold, warm = (ours(apart, graph_of(apart), kind) for kind in ("cold", "warm"))
    with Asked(*cold) as new, Asked(*warm) as known, Asked(*best) as peer:
        for size in SIZES:
            times: dict[str, list] = {"": [], "new_": [], "peer_": []}
            for number, (query, items) in enumerate(islice(asked(size), 60)):
                times["new_"].append(new.ask(query, items)["wall_ms"])
                known.ask(f"prepare {number}", items)  # another query: of these items alone is anything kept
                times[""].append(known.ask(query, items)["wall_ms"])
                if number < 25:
                    times["peer_"].append(peer.ask(query, items)["wall_ms"])
            for who, took in times.items():
                found[f"{who}p50_ms_{size}_items"] = round(float(np.median(took[5:])), 1)
                found[f"{who}p99_ms_{size}_items"] = round(float(np.quantile(took[5:], 0.99)), 1)
    return found


def plot(figures: dict, path: Path) -> None:
    """CPU time of a request of 50 items by path."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = ["peer", "cross_encoder", "cross_encoder_int8", "exact", "approximate", "precomputed", "precomputed_int8"]
    drawing, axes = pyplot.subplots(figsize=(7, 3), layout="constrained")
    axes.barh(range(len(names)), [figures[f"cpu_ms_{name}"] for name in names])
    axes.set_yticks(range(len(names)), [figures["best_peer"], *(name.replace("_", " ") for name in names[1:])])
    axes.invert_yaxis()
    axes.set_xlabel("CPU milliseconds of one query with 50 items")
    drawing.savefig(path, dpi=150)


if __name__ == "__main__":
    app()
