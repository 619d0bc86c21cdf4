"""Measure pages of known items beside an earlier build: `python -m bench.student.known_pages --help`.

A new query is read, and a query that came lately is not: both are measured, beside the earlier build's new query.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.esci import esci_option
from bench.figures import show, write_results
from bench.student.load_client import ScoringWorker, esci_requests
from bench.student.speed import copy_with_graph

GRAPHS = {"fp32": "interaction.onnx", "int8": "interaction.int8.onnx"}
SIZES = (50, 200)
WARM_UP_ROUNDS = 3
Esci = Annotated[Path, esci_option(": requests are its queries and titles.")]
Package = Annotated[Path, typer.Option(help="A package with its fp32 and int8 graphs; speed needs no training.")]
Today = Annotated[Path, typer.Option(help="Worktree of the commit before, which is measured in the same rounds.")]
TodayPackage = Annotated[Path, typer.Option(help="Its package of the same student.")]
Rounds = Annotated[int, typer.Option(help="Rounds, each with a new query and other items.")]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class EarlierBuild:
    """A worktree of the code before, and a package that it made."""

    root: Path
    package: Path

    def worker(self, kind: str) -> ScoringWorker:
        """Start its scoring process, `warm` or `cold`."""
        return ScoringWorker(Path(sys.executable), "ours", self.package, 0, kind, root=str(self.root))


@app.command()
def bench(
    esci: Esci,
    package: Package,
    today: Today,
    today_package: TodayPackage,
    name: Annotated[str, typer.Option(help="Name of the results' file.")],
    rounds: Rounds = 25,
) -> None:
    """Measure pages alone, on one more kind of processor; 2 minutes."""
    requests = esci_requests(esci)
    figures: dict = {}
    for precision, graph in GRAPHS.items():
        before = EarlierBuild(today, copy_with_graph(today_package, graph))
        figures |= measure_pages(precision, copy_with_graph(package, graph), before, requests, rounds)
    figures |= name_pages(figures)
    write_results(name, figures, "MiniLM-L6, ESCI's titles: this build and the one before in the same rounds")
    show(name, figures)


def name_pages(figures: dict) -> dict:
    """Return the figures of pages of 50 by their short names, and the machine's load."""
    return {
        "known_50_over_today": figures["known_50_int8_over_today"],
        "known_50_repeated_query_over_today": figures["known_50_int8_repeated_query_over_today"],
        "known_load": round(os.getloadavg()[0], 1),
    }


def measure_pages(name: str, package: Path, before: EarlierBuild, requests: Callable, rounds: int) -> dict:
    """Measure the CPU time of pages of known items, and its ratio to the earlier build's.

    No query comes twice, for this build remembers queries: that is measured apart.
    """
    figures: dict = {}
    with ScoringWorker(Path(sys.executable), "ours", package, 0, "warm") as ours, before.worker("warm") as today:
        workers = {"ours": ours, "today": today}
        for size_number, size in enumerate(SIZES):
            first = size_number * (rounds + WARM_UP_ROUNDS)
            cpu_ms: dict[str, list] = {kind: [] for kind in ("ours", "today", "repeated")}
            for number, (query, items) in enumerate(islice(requests(size), first, first + rounds + WARM_UP_ROUNDS)):
                for kind in list(workers)[:: 1 - 2 * (number % 2)]:
                    workers[kind].score(f"prepare {size} {number}", items)  # of which the items alone are remembered
                    cpu_ms[kind].append(workers[kind].score(query, items)["cpu_ms"])
                cpu_ms["repeated"].append(ours.score(query, items)["cpu_ms"])
            times = {kind: np.array(values[WARM_UP_ROUNDS:]) for kind, values in cpu_ms.items()}
            key = f"known_{size}_{name}"
            figures |= spread(f"{key}_cpu_ms", times["ours"]) | spread(f"{key}_today_cpu_ms", times["today"])
            figures |= spread(f"{key}_repeated_query_cpu_ms", times["repeated"])
            figures |= spread(f"{key}_over_today", times["ours"] / times["today"], 3)
            figures |= spread(f"{key}_repeated_query_over_today", times["repeated"] / times["today"], 3)
    return figures


def spread(name: str, values: np.ndarray, digits: int = 2) -> dict:
    """Return the median with its 10% and 90% quantiles."""
    low, median, high = np.quantile(values, [0.1, 0.5, 0.9]).round(digits).tolist()
    return {name: median, f"{name}_low": low, f"{name}_high": high}


if __name__ == "__main__":
    app()
