"""Measure the teacher: `python -m bench.teacher.measure --help`.

What has been measured is kept below runs/bench/teacher: the same command goes on where it was, down to the answer.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.esci import ESCI_PAIRS, esci_option
from bench.figures import describe_machine, mean, once, show, write_results
from bench.storage import laptop_with_storage
from bench.teacher import engines, memory
from bench.worker_pool import on_cores, worker
from components.judgements.prepare import PrepareConfig, prepare
from components.judgements.readers import parse_columns
from components.metrics import BootstrapConfig, Interval, accuracy, balanced_accuracy, bootstrap_interval, macro_f1
from components.teacher.compare import confusions
from components.teacher.compare import predictions as predictions_of
from pipelines.local.sources import generate_marketplace
from pipelines.profiles import laptop
from testing import worker_kills

STAGES = {"cold_start": "judged-started", "sft": "judged-tuned", "dpo": "judged-hardened"}
HERE = Path("runs/bench")
ESCI_COLUMNS = "item_id=product_id,title=product_title,attributes=bullets"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    seeds: Annotated[int, typer.Option(help="Teachers a dataset.")] = 3,
    pairs: Annotated[int, typer.Option(help="Held-out pairs, over all queries, that each is judged on.")] = 300,
    esci: Annotated[Path | None, esci_option(", measured besides.")] = None,
) -> None:
    """Train teachers from scratch and judge them; time the engines; measure memory; kill workers everywhere.

    Takes 85 minutes on two cores, 2.5 hours with ESCI. Stopped, it goes on where it was; remove runs/bench/teacher to
    begin anew.
    """
    folder = HERE / "teacher"
    folder.mkdir(parents=True, exist_ok=True)
    with laptop_with_storage(folder / "state", folder):
        figures = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine()}
        names = ["base", *map(str, range(seeds))]
        judged = {"": market(folder)} | ({"esci_": release(folder, esci)} if esci else {})
        train([(table, name) for table in judged.values() for name in names], pairs)
        for prefix, table in judged.items():
            figures |= {prefix + name: value for name, value in teachers(table.parent, names[1:], pairs).items()}
        figures |= once(folder / "hostile.json", lambda: hostile(folder / "marketplace"))
        figures |= once(folder / "kills.json", lambda: worker_kills.kill_everywhere(folder / "kills"))
        figures |= once(folder / "memory.json", memory.peaks)
    base = folder / "marketplace" / "base" / "base"
    figures |= once(folder / "engines.json", lambda: engines.compared(base))
    (HERE / "teacher.json").write_text(json.dumps(figures, indent=1))
    write_results("teacher", figures, "SmolLM2-135M, teachers from scratch, held-out pairs over all valid queries")
    show("the teacher", figures)


def market(folder: Path) -> Path:
    """The laptop profile's marketplace, prepared."""
    return prepared(generate_marketplace(laptop().marketplace, folder) / "judgements.parquet", folder / "marketplace")


def release(folder: Path, source: Path) -> Path:
    """ESCI's judgements, prepared; the part of them that is one file has its products' columns."""
    return prepared(source / ESCI_PAIRS, folder / "esci", ESCI_COLUMNS)


def prepared(source: Path, folder: Path, columns: str = "") -> Path:
    """JUDGEMENTS of a source, made once."""
    out = tuple(folder / name for name in ("judgements", "items", "refused"))
    folder.mkdir(parents=True, exist_ok=True)
    if not out[0].exists():
        prepare(source, parse_columns(columns), PrepareConfig(), out)
    return out[0]


def train(teachers: list[tuple[Path, str]], pairs: int) -> None:
    """Train and judge a teacher for each table of judgements and seed, or judge the base model: each on a core."""
    folders = [(judgements, judgements.parent / name, name) for judgements, name in teachers]
    on_cores(
        [
            (out / "result.json", ["bench.teacher.train_teacher", table, out, name, pairs])
            for table, out, name in folders
        ]
    )


def teachers(folder: Path, seeds: list[str], pairs: int) -> dict:
    """The measures of the base model and of the seeds' teachers on the same pairs."""
    said = [json.loads((folder / name / "result.json").read_text()) for name in seeds]
    found = {"pairs": pairs, "seeds": len(seeds)} | measures(folder, seeds) | costs(said)
    found["parse_rate_sft"] = mean(facts["judged-tuned"]["parse_rate"] for facts in said)
    for name in ("before", "after"):
        held = [facts["hardened"]["held_out"][name] for facts in said if facts["hardened"]["held_out"][name]]
        found[f"dpo_held_out_margin_{name}"] = mean(one["margin"] for one in held) if held else None
    found["dpo_steps"] = mean(facts["hardened"]["steps"] for facts in said)
    found["dpo_kl_nats_per_token"] = mean(facts["kl"]["kl_nats_per_token"] for facts in said)
    return found


def measures(folder: Path, seeds: list[str]) -> dict:
    """Every stage's balanced accuracy, mean over the seeds, its interval over queries; and the paired differences."""
    stages = {"base": stacked(folder, ["base"], "judged-base")}
    stages |= {name: stacked(folder, seeds, place) for name, place in STAGES.items()}
    found: dict = {}
    for name, queries in stages.items():
        found |= named(
            f"balanced_accuracy_{name}", bootstrap_interval(queries, over_seeds(balanced_accuracy), BootstrapConfig())
        )
        whole = queries.sum(0)
        found[f"accuracy_{name}"] = round(float(over_seeds(accuracy)(whole)), 4)
        found[f"macro_f1_{name}"] = round(float(over_seeds(macro_f1)(whole)), 4)
        for seed, value in zip(seeds, balanced_accuracy(whole), strict=False):
            found[f"balanced_accuracy_{name}_seed_{seed}"] = round(float(value), 4)
    for one, other in (("base", "sft"), ("sft", "dpo")):
        less = np.broadcast_to(stages[one], stages[other].shape)
        measure = over_seeds(balanced_accuracy)
        found |= named(f"{other}_less_{one}", bootstrap_interval(stages[other], measure, BootstrapConfig(), less))
    return found


def stacked(folder: Path, seeds: list[str], place: str) -> np.ndarray:
    """Confusions by query and seed, (Q, S, C, C + 1)."""
    tables = [[folder / seed / place / name for name in ("rationales", "quarantine")] for seed in seeds]
    return np.stack([confusions(predictions_of(*pair)) for pair in tables], axis=1)


def over_seeds(measure):
    """The measure's mean over the seeds of (..., S, C, C + 1)."""
    return lambda confusion: measure(confusion).mean(-1)


def named(name: str, value: Interval) -> dict:
    """Return an interval as three figures."""
    return {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}


def costs(said: list[dict]) -> dict:
    """Tokens and seconds of one core that sampling takes a pair, mean over the seeds.

    They are counted by the request, for a run that goes on takes a part of its answers from the store.
    """
    asked = [facts["sampled"]["rows_in"] / facts["sampled"]["pairs"] for facts in said]
    used = [facts["sampled"]["used"] for facts in said]
    tokens = [(one["tokens_in"] + one["tokens_out"]) / one["requests"] for one in used]
    seconds = [one["seconds"] / one["requests"] for one in used]
    return {
        "requests_per_pair": mean(asked),
        "tokens_per_pair": mean(n * each for n, each in zip(asked, tokens, strict=True)),
        "seconds_per_1000_pairs": mean(1000 * n * each for n, each in zip(asked, seconds, strict=True)),
    }


def hostile(folder: Path) -> dict:
    """Label flips of the first seed's teacher after SFT, in a process of its own."""
    return json.loads(worker("testing.hostile_text", folder / "0" / "tuned", folder / "judgements").splitlines()[-1])


if __name__ == "__main__":
    app()
