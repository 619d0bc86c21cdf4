"""Measure serving: `python -m bench.serving.measure --help`."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.figures import once, show, update_results
from bench.serving import features, fixtures, pages
from bench.storage import laptop_with_storage
from testing import request_fuzz, server_faults

HERE = Path("runs/bench")

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
    figures = {}
    package, night, items = fixtures.build_fixtures(folder / "made")
    with laptop_with_storage(folder / "state", folder) as machine:
        urls = pages.start(machine, (package, night, folder))
        figures |= once(folder / "overhead.json", lambda: pages.overhead(urls["ours"], items, requests))
        figures |= once(folder / "throughput.json", lambda: pages.throughput(urls, items, rounds, seconds))
        figures |= once(
            folder / "fuzz.json", lambda: request_fuzz.fuzz_figures(urls["ours"], fixtures.item_ids(items), tries)
        )
    known = folder / "known"
    known.mkdir(exist_ok=True)
    figures |= once(folder / "known.json", lambda: pages.measure_known_pages(known, requests, rounds, seconds))
    figures |= once(folder / "features.json", lambda: features.feature_figures(night))
    figures |= once(folder / "faults.json", lambda: server_faults.fault_figures(folder / "faults", fault_rounds))
    update_results("serving", figures, "a cross-encoder of MiniLM-L6's size, 50 items a query, no query twice")
    plot(figures, HERE / "serving.png")
    show("serving", figures)


def plot(figures: dict, path: Path) -> None:
    """Draw queries a second by server and number of clients."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for index, kind in enumerate(pages.KINDS):
        rates = [figures[f"{kind}_queries_per_second_{clients}"] for clients in pages.CLIENTS]
        axes.bar(np.arange(len(pages.CLIENTS)) + 0.27 * (index - 1), rates, 0.25, label=kind)
    axes.set_xticks(range(len(pages.CLIENTS)), [f"{clients} clients" for clients in pages.CLIENTS])
    axes.set_ylabel(f"queries of {fixtures.ITEMS} items a second")
    axes.legend()
    drawing.savefig(path, dpi=150)


if __name__ == "__main__":
    app()
