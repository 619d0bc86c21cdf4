"""Measure runtimes of encoders side by side: ours, and peers that are called plainly.

`python -m bench.student.runtimes` leaves bench/results/runtimes.json. Every path is a process of its own with one
thread; all get the same requests in turn, in rounds, and CPU time counts.
"""

import json
import shutil
import sys
from collections.abc import Callable
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.esci import esci_option
from bench.figures import once, show, write_results
from bench.student.load_client import ScoringWorker, esci_requests
from bench.student.peers import environments, prepare_peers
from bench.student.speed import ratio_figures, rotate
from components import contracts, package_manifest
from components.packaging.evaluate import measure_predictions
from components.packaging.runtime_choice import ServingOption
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text

OPTIONS = (
    ServingOption("interaction.onnx"),
    ServingOption("interaction.int8.onnx"),
    ServingOption("interaction.onnx", "openvino", "bf16"),
    ServingOption("interaction.static.onnx", "openvino", "bf16"),
)
PEERS = ("openvino", "sentence-transformers", "fastembed", "flashrank", "pylate", "model2vec")
WARM_UP_ROUNDS = 2
MIXED_REQUESTS = 1200
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: Annotated[Path, esci_option(": requests are its queries and titles.")],
    package: Annotated[Path, typer.Option(help="A package with every graph: fp32, int8 and static int8.")],
    training_set: Annotated[Path, typer.Option(help="TRAINING_SET whose valid pairs are scored.")],
    rounds: Annotated[int, typer.Option(help="Rounds, each with a new query and other items.")] = 12,
) -> None:
    """Measure every option of a package beside its peers, each in an environment of its own; and memory."""
    folder = Path("runs/bench/student")
    folder.mkdir(parents=True, exist_ok=True)
    pythons = environments(folder / "environments", PEERS)
    requests = esci_requests(esci)
    peers, others = prepare_peers(pythons, folder / "peer", requests)
    figures = once(
        folder / "runtimes.json", lambda: measure_runtimes(peers, our_commands(package) | others, requests, rounds)
    )
    openvino = [command for name, command in our_commands(package).items() if name.startswith("openvino")]
    figures |= once(folder / "memory.json", lambda: measure_memory(openvino[-2], requests))
    figures |= once(folder / "start.json", lambda: measure_start(our_commands(package), requests))
    figures |= once(folder / "quality.json", lambda: measure_quality(our_commands(package), training_set))
    figures |= served_figures(figures, json.loads((package / "config.json").read_text()))
    write_results("runtimes", figures, "runtimes: MiniLM-L6, one query with 50 ESCI titles, CPU time of rounds")
    show("runtimes", figures)


def served_figures(figures: dict, config: dict) -> dict:
    """Return the figures of the option that the package serves, under names of their own."""
    key = ServingOption(config["served"], config["runtime"], config["precision"]).name.replace(" ", "_")
    return {
        "served": key,
        "speedup_new_items": figures[f"runtime_speedup_{key}_cold"],
        "speedup_known_items": figures[f"runtime_speedup_{key}_warm"],
        "known_200_cpu_ms": figures[f"known_200_cpu_ms_{key}"],
        "agreement_served": figures[f"agreement_{key}"],
        "macro_f1_served": figures[f"macro_f1_{key}"],
        "macro_f1_fp32": figures[f"macro_f1_{OPTIONS[0].name.replace(' ', '_')}"],
        "load_cpu_seconds": figures[f"load_cpu_seconds_{key}"],
        "memory_mb": figures[f"memory_mb_{key}"],
    }


def our_commands(package: Path) -> dict[str, list]:
    """Return the command of each option, `cold` for items never read before and `warm` for known ones."""
    commands = {}
    for option in OPTIONS:
        if not (package / option.graph).exists():
            print(f"{option.name} is left out: {package} holds no {option.graph}; run make openvino", file=sys.stderr)
            continue
        copy = package.with_name(f"{package.name}-{option.name.replace(' ', '-')}")
        if not copy.exists():
            shutil.copytree(package, copy)
            config = json.loads((copy / "config.json").read_text())
            config |= {"served": option.graph, "runtime": option.runtime, "precision": option.precision}
            (copy / "config.json").write_text(json.dumps(config))
            package_manifest.write(copy)
        for kind in ("cold", "warm"):
            commands[f"{option.name} {kind}"] = [Path(sys.executable), "ours", copy, 0, kind]
    return commands


def measure_runtimes(peers: dict[str, list], others: dict[str, list], requests: Callable, rounds: int) -> dict:
    """Measure each path's CPU time, and the ratio of the fastest peer's to ours."""
    workers = {name: ScoringWorker(*command) for name, command in (peers | others).items()}
    cpu_ms: dict[str, list] = {name: [] for name in workers}
    for number, (query, items) in enumerate(islice(requests(50), rounds + WARM_UP_ROUNDS)):
        for name in rotate(list(workers), number):
            if name.endswith("warm"):
                workers[name].score(f"prepare {number}", items)  # another query: only the items are remembered
            cpu_ms[name].append(workers[name].score(query, items)["cpu_ms"])
        print(f"round {number + 1} of {rounds + WARM_UP_ROUNDS}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.close()
    times = {name: np.array(values[WARM_UP_ROUNDS:]) for name, values in cpu_ms.items()}
    best_peer = min(peers, key=lambda name: np.median(times[name]))
    figures: dict = {"best_peer": best_peer}
    for name, values in times.items():
        key = name.replace(" ", "_").replace("-", "_")
        figures[f"runtime_ms_{key}"] = round(float(np.median(values)), 1)
        if name in others:
            figures |= ratio_figures(f"runtime_speedup_{key}", times[best_peer] / values)
    return figures


def measure_memory(command: list, requests: Callable) -> dict:
    """Measure the peak of a process's memory after a tenth of many requests, and after all.

    Requests have 1 to 20 items."""
    peaks = []
    sizes = np.random.default_rng(0).integers(1, 21, MIXED_REQUESTS)
    generators = {size: requests(size) for size in set(sizes.tolist())}
    with ScoringWorker(*command) as worker:
        for number, size in enumerate(sizes.tolist()):
            peaks.append(worker.score(*next(generators[size]))["memory_mb"])
            if number % 200 == 0:
                print(f"request {number} of {MIXED_REQUESTS}: {peaks[-1]:.0f} MB", file=sys.stderr, flush=True)
    return {
        "openvino_memory_mb_tenth": round(peaks[MIXED_REQUESTS // 10], 1),
        "openvino_memory_mb_all": round(peaks[-1], 1),
        "openvino_memory_requests": MIXED_REQUESTS,
    }


def measure_start(ours: dict[str, list], requests: Callable, starts: int = 3) -> dict:
    """Measure fresh processes up to their first answer, and requests of 200 known items."""
    query, items = next(requests(200))
    figures: dict = {}
    for name, command in ours.items():
        if name.endswith("cold"):
            continue
        answers = []
        known_cpu_ms = []
        for number in range(starts):
            with ScoringWorker(*command) as worker:
                answers.append(worker.score(query, items[:1]))
                worker.score(query, items)
                known_cpu_ms += [worker.score(f"{query} {number} {each}", items)["cpu_ms"] for each in range(6)][1:]
        key = name.removesuffix(" warm").replace(" ", "_")
        figures[f"load_cpu_seconds_{key}"] = round(float(np.median([each["total_cpu_s"] for each in answers])), 2)
        figures[f"memory_mb_{key}"] = round(float(np.median([each["memory_mb"] for each in answers])))
        figures[f"known_200_cpu_ms_{key}"] = round(float(np.median(known_cpu_ms)), 1)
    return figures


def measure_quality(ours: dict[str, list], training_set: Path) -> dict:
    """Return macro-F1 of each option on valid pairs, and the share of fp32's labels that it keeps."""
    rows = [row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == "valid"]
    rows.sort(key=itemgetter("query_id"))
    labels: dict[str, list[str]] = {}
    figures: dict = {"runtime_quality_pairs": len(rows)}
    for option in OPTIONS:
        if f"{option.name} cold" not in ours:
            continue
        scorer = Scorer(ours[f"{option.name} cold"][2])
        scorer.precomputed_items.rows.clear()  # these are of the graph that the package served
        predictions = []
        for _, group in groupby(rows, itemgetter("query_id")):
            request = list(group)
            scores = scorer([(row["query"], item_text(row)) for row in request])
            answers = zip(request, scores.labels, scores.probabilities.tolist(), strict=True)
            predictions += [row | {"predicted_label": label, "probabilities": each} for row, label, each in answers]
        key = option.name.replace(" ", "_")
        labels[key] = [row["predicted_label"] for row in predictions]
        is_same = np.array(labels[key]) == np.array(labels[OPTIONS[0].name.replace(" ", "_")])
        figures[f"macro_f1_{key}"] = round(measure_predictions(predictions).macro_f1, 4)
        figures[f"agreement_{key}"] = round(float(is_same.mean()), 4)
    return figures


if __name__ == "__main__":
    app()
