"""Measure the student beside its peers: speed, load, memory, training. `python -m bench.student.measure`.

Leaves runs/bench/student.json and .png. Every path is a process of its own with one thread; all get the same requests
in turn, in rounds, and CPU time counts. What has been measured is kept below runs/bench/student.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.esci import esci_option
from bench.figures import describe_machine, once, show, write_results
from bench.student import costs, quality
from bench.student.load_client import esci_requests
from bench.student.peer_models import peer_model
from bench.student.peers import environments, peer_commands
from bench.student.speed import fastest_peer, measure_latency, measure_speed, path_commands
from bench.student.training import training_speed
from components import package_manifest
from components.packaging.package import add_static_int8, make_package
from components.packaging.quantise import Graphs
from components.student.config import LrkdConfig
from components.student.train import train
from pipelines.profiles import laptop
from testing.all_graphs import add_all_graphs

RESULTS = Path("runs/bench")
LATE_INTERACTION = replace(laptop().student, max_length=96, train_share=0.15, epochs=1)
CROSS_ENCODER = replace(LATE_INTERACTION, architecture="cross_encoder")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: Annotated[Path, esci_option(": requests are its queries and titles.")],
    rounds: Annotated[int, typer.Option(help="Rounds, each with a new query and other items.")] = 25,
) -> None:
    """Measure speed beside sentence-transformers, infinity and plain ONNX Runtime; quality; loading; training.

    About 40 minutes. Quality is of the students that `make ablation` has trained.
    """
    folder = RESULTS / "student"
    folder.mkdir(parents=True, exist_ok=True)
    pythons = environments(folder / "environments")
    requests = esci_requests(esci)
    cross_encoder = package_once(esci, folder / "cross", CROSS_ENCODER)
    package = package_once(esci, folder / "apart", LATE_INTERACTION)
    model = peer_model(LATE_INTERACTION.encoder, pythons["sentence-transformers"], folder / "peer")
    commands = peer_commands(pythons, model)
    figures = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine()}
    figures |= once(folder / "peers.json", lambda: fastest_peer(commands, requests))
    peer = commands[figures["best_peer"]]
    paths = path_commands(peer, cross_encoder, package)
    figures |= once(folder / "speed.json", lambda: measure_speed(paths, package, requests, rounds))
    figures["exact_over_best_fp32_peer"] = round(best_fp32_peer_ms(figures) / figures["cpu_ms_exact"], 3)
    figures |= once(folder / "latency.json", lambda: measure_latency(peer, package, requests))
    figures |= once(folder / "load.json", lambda: costs.loading_costs(package, requests))
    student = folder / "apart-student"
    figures |= once(folder / "extractor.json", lambda: costs.extractor_costs(package, student, requests))
    figures |= once(folder / "training.json", lambda: training_speed(folder, laptop().student))
    figures |= quality.measure_quality(RESULTS / "ablation")
    (RESULTS / "student.json").write_text(json.dumps(figures, indent=1))
    write_results("student", figures, "MiniLM-L6, one query with 50 ESCI titles, CPU time of interleaved rounds")
    plot(figures, RESULTS / "student.png")
    show("the student", figures)


def package_once(esci: Path, folder: Path, student_config: LrkdConfig) -> Path:
    """Package a student that was trained for a moment: speed does not depend on weights."""
    if not (folder / "manifest.json").exists():
        tables = costs.tables(esci, folder.parent)
        student = folder.with_name(f"{folder.name}-student")
        train(*tables, student_config, student)
        make_package(student, tables[1], tables[0], folder)
        add_all_graphs(folder, student)
        config = json.loads((folder / "config.json").read_text())
        add_static_int8(Graphs("interaction.onnx", "interaction.int8.onnx"), config, tables[0], folder)
        package_manifest.write(folder)
    return folder


def best_fp32_peer_ms(figures: dict) -> float:
    """Return the least CPU time of a peer in full precision."""
    return min(value for name, value in figures.items() if name.startswith("peer_ms_") and "int8" not in name)


def plot(figures: dict, path: Path) -> None:
    """Draw the CPU time of a request of 50 items by path."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = ["peer", "cross_encoder", "cross_encoder_int8", "exact", "approximate", "precomputed", "precomputed_int8"]
    figure, axes = pyplot.subplots(figsize=(7, 3), layout="constrained")
    axes.barh(range(len(names)), [figures[f"cpu_ms_{name}"] for name in names])
    axes.set_yticks(range(len(names)), [figures["best_peer"], *(name.replace("_", " ") for name in names[1:])])
    axes.invert_yaxis()
    axes.set_xlabel("CPU milliseconds of one query with 50 items")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    app()
