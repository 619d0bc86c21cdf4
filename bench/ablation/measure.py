"""Measure what each part of the student brings: `python -m bench.ablation.measure --help`.

A row is one setting. It is trained with every seed, and each student is scored once on the valid split. Every row and
seed is a process on a core of its own. Results are kept: a measurement that was stopped goes on where it was, so it may
be run in parts.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.ablation.data import Rationales, esci_rationales, marketplace_rationales
from bench.ablation.results import read_answers, summarise_row
from bench.ablation.rows import ESCI, MARKETPLACE, Row
from bench.esci import esci_option
from bench.figures import describe_machine, show, write_results
from bench.worker_pool import on_cores

RESULTS = Path("runs/bench")
WORKER = "bench.ablation.worker"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    seeds: Annotated[int, typer.Option(help="Students a row.")] = 3,
    only: Annotated[str, typer.Option(help="A part of the rows' names, as in `esci` or `placebo`.")] = "",
    esci: Annotated[Path | None, esci_option(", measured besides.")] = None,
) -> None:
    """Train a student for every row and seed, and print its measures with intervals over queries.

    The marketplace's students take about three and a half hours on two cores, ESCI's two. Teachers come from
    runs/bench/teacher; where they are missing they are trained first, for an hour and more.
    """
    folder = RESULTS / "ablation"
    rationales = {"marketplace": marketplace_rationales(folder)}
    if esci:
        rationales["esci"] = esci_rationales(folder, esci)
    rows = [row for row in MARKETPLACE + ESCI if row.set in rationales and only in row.name]
    if not rows:
        raise typer.BadParameter(f"no row's name has {only!r} in it", param_hint="--only")
    on_cores([worker_job(folder, row, seed, rationales[row.set]) for row in rows for seed in range(seeds)])
    figures = summarise(folder, seeds)
    (RESULTS / "ablation.json").write_text(json.dumps(figures, indent=1))
    measured_on = "valid pairs of the embedded marketplace and of ESCI"
    write_results("ablation", {row["row"]: row for row in figures["rows"]}, measured_on)
    for name in rationales:
        plot([row for row in figures["rows"] if row["set"] == name], RESULTS / f"ablation-{name}.png")
    show("ablation", {row["row"]: row_line(row) for row in figures["rows"]})


def worker_job(folder: Path, row: Row, seed: int, rationales: Rationales) -> tuple[Path, list]:
    """Return the file of a row's answers with one seed, and the worker's arguments that write it."""
    path = folder / row.name / f"{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    config = replace(row.config, seed=seed).to_json()
    return path, [WORKER, rationales.training_set, rationales.embeddings(row.rationales), config, path]


def summarise(folder: Path, seeds: int) -> dict:
    """Return the figures of every row with a seed that has ended."""
    ended_rows = [row for row in MARKETPLACE + ESCI if read_answers(folder / row.name, seeds)]
    rows = [summarise_row(row, folder, seeds) for row in ended_rows]
    return {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine(), "rows": rows}


def row_line(row: dict) -> str:
    """Format a row's figures as one line."""
    return (
        f"macro-F1 {row['macro_f1']:.3f} ({row['macro_f1_low']:.3f} to {row['macro_f1_high']:.3f}), "
        f"accuracy {row['accuracy']:.3f}, {row['seeds']} seeds"
    )


def plot(rows: list[dict], path: Path) -> None:
    """Draw every row's macro-F1 with its interval."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not rows:
        return
    figure, axes = pyplot.subplots(figsize=(7, 1 + 0.3 * len(rows)), layout="constrained")
    for height, row in enumerate(reversed(rows)):
        axes.plot([row["macro_f1_low"], row["macro_f1_high"]], [height, height], color="tab:grey")
        axes.plot(row["macro_f1_by_seed"], [height] * row["seeds"], "|", color="tab:grey")
        axes.plot(row["macro_f1"], height, "o", color="tab:blue")
    axes.set_yticks(range(len(rows)), [row["row"].split(": ")[1] for row in reversed(rows)])
    axes.set_xlabel("macro-F1 on the valid split; lines: 95% over queries; ticks: seeds")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    app()
