"""Measure what each part of the student brings: `python -m bench.ablation.measure --help`.

A row is one setting; it is trained with every seed and read once on the valid split. Every row and seed is a process on
a core of its own, kept when it has ended: stopped, the same command goes on where it was, so it may be run in parts.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.ablation.data import Rationales, esci_tables, marketplace_tables
from bench.ablation.rows import CROSS_ENTROPY, ESCI, LRKD, MARKETPLACE, Row
from bench.esci import esci_option
from bench.figures import machine_of, show
from bench.worker_pool import on_cores
from components.contracts import LABELS
from components.metrics import BootstrapConfig, accuracy, bootstrap_interval, macro_f1

HERE = Path("runs/bench")
WORKER = "bench.ablation.worker"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    seeds: Annotated[int, typer.Option(help="Students a row.")] = 3,
    only: Annotated[str, typer.Option(help="A part of the rows' names, as in `esci` or `placebo`.")] = "",
    esci: Annotated[Path | None, esci_option(", measured besides.")] = None,
) -> None:
    """Train a student for every row and seed; say how good each is, with its interval over queries.

    About three and a half hours on two cores for the marketplace's students, two for ESCI's; teachers come from
    runs/bench/teacher, and are trained and asked first, for an hour and more, where they are not there.
    """
    folder = HERE / "ablation"
    told = {"marketplace": marketplace_tables(folder)} | ({"esci": esci_tables(folder, esci)} if esci else {})
    rows = [row for row in MARKETPLACE + (ESCI if esci else ()) if only in row.name]
    if not rows:
        raise typer.BadParameter(f"no row's name has {only!r} in it", param_hint="--only")
    jobs = [(row, seed, told[row.set]) for row in rows for seed in range(seeds)]
    on_cores([job(folder, *one) for one in jobs])
    found = summary(folder, seeds)
    (HERE / "ablation.json").write_text(json.dumps(found, indent=1))
    for name in told:
        plot([row for row in found["rows"] if row["set"] == name], HERE / f"ablation-{name}.png")
    show("ablation", {row["row"]: said(row) for row in found["rows"]})


def job(folder: Path, row: Row, seed: int, rationales: Rationales) -> tuple[Path, list]:
    """Where a row's answers of one seed will lie, and the process that makes them."""
    place = folder / row.name / f"{seed}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    config = replace(row.config, seed=seed).to_json()
    return place, [WORKER, rationales.training_set, rationales.embeddings(row.rationales), config, place]


def summary(folder: Path, seeds: int) -> dict:
    """Every row that has ended: accuracy and macro-F1, mean over its seeds, and what it has over the rows to beat."""
    known = {row.name: answers(folder / row.name, seeds) for row in MARKETPLACE + ESCI}
    rows = []
    for row in MARKETPLACE + ESCI:
        if not (results := known[row.name]):
            continue
        confusion = counted(results.values(), "predicted")
        found = {"row": row.name, "set": row.set, "rationales": row.rationales, "setting": asdict(row.config)}
        found |= {"seeds": len(results), "queries": len(confusion)}
        for measure in (accuracy, macro_f1):
            found |= named(measure.__name__, confusion, measure)
            found[f"{measure.__name__}_by_seed"] = [round(float(one), 4) for one in measure(confusion.sum(0))]
        for other in (CROSS_ENTROPY, LRKD):
            if (name := row.name_with_title(other)) != row.name:
                found |= less(results, known[name], other.replace(" ", "_").replace("-", "_"))
        found["alignment_last"] = round(float(np.mean([one["alignment"] for one in results.values()])), 4)
        rows.append(found)
    return {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_of(), "rows": rows}


def less(results: dict[int, dict], others: dict[int, dict], name: str) -> dict:
    """What a row's macro-F1 is above another's, on the seeds that have ended of both; nothing where there are none."""
    both = sorted(results.keys() & others.keys())
    if not both:
        return {}
    mine, theirs = (counted([said[seed] for seed in both], "predicted") for said in (results, others))
    return named(f"macro_f1_less_{name}", mine, macro_f1, theirs)


def answers(folder: Path, seeds: int) -> dict[int, dict]:
    """What each seed of a row said that has ended."""
    ended = (seed for seed in range(seeds) if (folder / f"{seed}.json").exists())
    return {seed: json.loads((folder / f"{seed}.json").read_text()) for seed in ended}


def counted(results: Iterable[dict], what: str) -> np.ndarray:
    """Confusions by query and seed, (Q, S, C, C + 1), of one of the seeds' answers."""
    results = [*results]
    queries = {name: n for n, name in enumerate(sorted(set(results[0]["queries"])))}
    found = np.zeros((len(queries), len(results), len(LABELS), len(LABELS) + 1))
    for seed, result in enumerate(results):
        for query, label, predicted in zip(result["queries"], result["labels"], result[what], strict=True):
            found[queries[query], seed, label, predicted] += 1
    return found


def named(name: str, confusion: np.ndarray, measure, less: np.ndarray | None = None) -> dict:
    """A measure's mean over the seeds, bootstrapped over queries, as three figures."""
    found = bootstrap_interval(confusion, lambda drawn: measure(drawn).mean(-1), BootstrapConfig(), less)
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}


def said(row: dict) -> str:
    """A row in a line."""
    return (
        f"macro-F1 {row['macro_f1']:.3f} ({row['macro_f1_low']:.3f} to {row['macro_f1_high']:.3f}), "
        f"accuracy {row['accuracy']:.3f}, {row['seeds']} seeds"
    )


def plot(rows: list[dict], path: Path) -> None:
    """Every row's macro-F1 with its interval."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not rows:
        return
    drawing, axes = pyplot.subplots(figsize=(7, 1 + 0.3 * len(rows)), layout="constrained")
    for place, row in enumerate(reversed(rows)):
        axes.plot([row["macro_f1_low"], row["macro_f1_high"]], [place, place], color="tab:grey")
        axes.plot(row["macro_f1_by_seed"], [place] * row["seeds"], "|", color="tab:grey")
        axes.plot(row["macro_f1"], place, "o", color="tab:blue")
    axes.set_yticks(range(len(rows)), [row["row"].split(": ")[1] for row in reversed(rows)])
    axes.set_xlabel("macro-F1 on the valid split; lines: 95% over queries; ticks: seeds")
    drawing.savefig(path, dpi=150)


if __name__ == "__main__":
    app()
