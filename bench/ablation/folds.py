"""The student beside word overlap on folds of the train queries: `python -m bench.ablation.folds --help`.

Leaves runs/bench/folds-SET.json. Every query of a fold is answered by models that were trained on the other folds.
Together ESCI's are four times the queries of its valid split, and half of their pairs are Exact, as in most judgements.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.ablation.data import Rationales, esci_tables, marketplace_tables
from bench.ablation.measure import HERE, counted, job, named
from bench.ablation.rows import CROSS_ENTROPY, CROSS_TITLE, ESCI, LRKD, MARKETPLACE, UNMATCHED, Row
from bench.esci import esci_option
from bench.figures import machine_of, show
from bench.worker_pool import on_cores
from components import contracts
from components.metrics import accuracy, macro_f1
from components.sampling import hash_fraction

FOLDS = 5
STUDENTS = (LRKD, CROSS_ENTROPY, f"{UNMATCHED}, {LRKD}", f"{UNMATCHED}, {CROSS_ENTROPY}")
STUDENTS += (f"{CROSS_TITLE}, plain cross-entropy",)
ROWS = tuple(o for o in MARKETPLACE + ESCI if not o.budget and (o.title in STUDENTS or o.title.startswith("word ")))
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: Annotated[Path | None, esci_option("; without it, the embedded marketplace.")] = None,
    only: Annotated[str, typer.Option(help="A part of the rows' names, as in `LRKD`.")] = "",
    first: Annotated[int, typer.Option(help="Leave out the folds before it: settings were chosen on 0 and 1.")] = 2,
) -> None:
    """Train and judge on folds by query; accuracy and macro-F1 over those ended, and what a student has over the rest.

    About eight minutes a student on a core; rationales are those of the ablation. What has ended is kept.
    """
    folder, source, where = HERE / "folds", HERE / "ablation", "esci" if esci else "marketplace"
    told = esci_tables(source, esci) if esci else marketplace_tables(source)
    rows = [row for row in ROWS if row.set == where and only in row.name]
    if not rows:
        raise typer.BadParameter(f"no row's name has {only!r} in it", param_hint="--only")
    sets = {fold: training_set(told, folder / where, fold) for fold in range(first, FOLDS)}
    on_cores([job(folder, row, fold, told, path) for row in rows for fold, path in sets.items()])
    found = summary(folder, [row for row in ROWS if row.set == where])
    (HERE / f"folds-{where}.json").write_text(json.dumps(found, indent=1))
    show(f"folds of the train queries, {where}", found)


def training_set(told: Rationales, folder: Path, fold: int) -> Path:
    """TRAINING_SET of the train queries, those of one fold in the split `valid`."""
    path = folder / f"training_set-{fold}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = (r for r in contracts.read_batches(contracts.TRAINING_SET, told.training_set) if r["split"] == "train")
        split = (row | {"split": "valid" if fold_of(row) == fold else "train"} for row in rows)
        contracts.write_batches(split, contracts.TRAINING_SET, path)
    return path


def fold_of(row: dict) -> int:
    """The fold of a row's query."""
    return int(FOLDS * hash_fraction(f"fold\n{row['query_id']}"))


def summary(folder: Path, rows: Iterable[Row]) -> dict:
    """Figures of every row, over the folds that have ended in all of them, and what the students have over it there."""
    begun = [row for row in rows if any((folder / row.name).glob("*.json"))]
    ended = [fold for fold in range(FOLDS) if all((folder / row.name / f"{fold}.json").exists() for row in begun)]
    found: dict = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_of()}
    found["folds"] = ended
    known = {row.title: answers(folder / row.name, ended) for row in begun if ended}
    for title, confusion in known.items():
        found |= {"queries": len(confusion), "pairs": int(confusion.sum())}
        for measure in (accuracy, macro_f1):
            found |= named(f"{title}: {measure.__name__}", confusion, measure)
            for student in STUDENTS:
                if student in known and student != title:
                    found |= named(f"{student} less {title}: {measure.__name__}", known[student], measure, confusion)
    return found


def answers(folder: Path, folds: Iterable[int]) -> np.ndarray:
    """Confusions by query, (Q, 1, C, C + 1), of some folds together."""
    return counted([together(json.loads((folder / f"{fold}.json").read_text()) for fold in folds)], "predicted")


def together(results: Iterable[dict]) -> dict[str, list]:
    """The folds' answers as one."""
    found: dict[str, list] = {"queries": [], "labels": [], "predicted": []}
    for result in results:
        for name, values in found.items():
            values += result[name]
    return found


if __name__ == "__main__":
    app()
