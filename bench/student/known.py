"""Measure known items: a page of them, the catalogue read ahead, and states in fewer bits, beside an earlier build.

`python -m bench.student.known` writes bench/results/known_items.json. The earlier build is a git worktree, with a
package that it made of the same student. Processes take turns, with one thread each, and CPU time counts.
"""

import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
import typer

from bench.esci import ESCI_PAIRS
from bench.figures import once, show, write_results
from bench.student import known_pages
from bench.student.known_pages import GRAPHS, EarlierBuild, measure_pages, spread
from bench.student.load_client import esci_requests
from bench.student.precision_loss import measure_precisions
from bench.student.simulated_index import simulate_index
from bench.student.speed import copy_with_graph
from components.scoring.index_builder import IndexBuilder, IndexOptions
from components.scoring.item_index import encoder_digest, encoder_folder, shard_paths
from components.scoring.state_precision import PRECISIONS
from components.scoring.tokenizer import item_text

INDEX_ROUNDS = 7
INDEX_ITEMS = 1024  # that are read ahead in a round; those of a real catalogue are more, and alike in length
REQUESTS = 64  # of one new item each, in a round
PAGES = 2  # of new items, in a round
PAGE = 50
SIMULATED_ITEMS = 1_000_000
LOOKUPS = 10_000


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: known_pages.Esci,
    package: known_pages.Package,
    today: known_pages.Today,
    today_package: known_pages.TodayPackage,
    training_set: Annotated[Path, typer.Option(help="TRAINING_SET whose valid pairs are scored.")],
    students: Annotated[list[Path], typer.Option(help="Packages of trained students, one a seed, for NDCG.")],
    rounds: known_pages.Rounds = 25,
) -> None:
    """Measure known items beside an earlier build; 10 minutes."""
    folder = Path("runs/bench/student")
    folder.mkdir(parents=True, exist_ok=True)
    requests = esci_requests(esci)
    packages = {name: copy_with_graph(package, graph) for name, graph in GRAPHS.items()}
    before = {name: EarlierBuild(today, copy_with_graph(today_package, graph)) for name, graph in GRAPHS.items()}
    figures: dict = {}
    for name, copy in packages.items():
        figures |= once(
            folder / f"known-{name}.json", partial(measure_pages, name, copy, before[name], requests, rounds)
        )
        figures |= once(folder / f"index-{name}.json", partial(measure_index, name, copy, before[name], esci))
    figures |= once(folder / "index-bytes.json", lambda: measure_bytes(packages["int8"], esci))
    figures |= once(folder / "index-1m.json", measure_simulated)
    figures |= once(folder / "index-quality.json", lambda: measure_precisions(students, training_set))
    figures |= {
        "index_items_over_today": figures["index_int8_over_one_request_each"],
        "known_200_cpu_ms": figures["known_200_int8_cpu_ms"],
        **known_pages.name_pages(figures),
    }
    write_results("known_items", figures, "MiniLM-L6, ESCI's titles: this build and the one before in the same rounds")
    show("known items", figures)


def measure_index(name: str, package: Path, before: EarlierBuild, esci: Path) -> dict:
    """Measure the CPU time of an item: read ahead, by a request of its own, and by a page of new items."""
    texts = catalogue_texts(esci)
    draw = np.random.default_rng(2)
    cpu_ms: dict[str, list] = {kind: [] for kind in ("ahead", "alone", "page")}
    with before.worker("cold") as today:
        for number in range(INDEX_ROUNDS + 1):
            titles = draw.choice(texts, INDEX_ITEMS, replace=False).tolist()
            cpu_ms["ahead"].append(index_cpu_ms(package, titles) / INDEX_ITEMS)
            requests = list(enumerate(titles[:REQUESTS]))
            alone = [today.score(f"query {number} {each}", [title])["cpu_ms"] for each, title in requests]
            cpu_ms["alone"].append(float(np.mean(alone)))
            pages = [titles[start : start + PAGE] for start in range(0, PAGES * PAGE, PAGE)]
            page = [today.score(f"page {number} {each}", items)["cpu_ms"] for each, items in enumerate(pages)]
            cpu_ms["page"].append(float(np.mean(page)) / PAGE)
    times = {kind: np.array(values[1:]) for kind, values in cpu_ms.items()}
    return {
        **spread(f"index_{name}_cpu_ms_per_item", times["ahead"], 2),
        **spread(f"index_{name}_over_one_request_each", times["alone"] / times["ahead"], 2),
        **spread(f"index_{name}_over_page_of_50", times["page"] / times["ahead"], 2),
    }


def index_cpu_ms(package: Path, titles: list[str]) -> float:
    """Measure the CPU time of reading titles ahead, from text to the finished file, without loading the package."""
    with TemporaryDirectory() as folder:
        builder = IndexBuilder(package, Path(folder), IndexOptions())
        builder.runtime.encode_query((101, 102))  # warms it
        start = time.process_time()
        builder.add(titles)
        builder.counts.rows = len(titles)
        builder.finish()
        return 1000 * (time.process_time() - start)


def catalogue_texts(esci: Path) -> list[str]:
    """Return the titles of a catalogue, each once, in an order drawn by chance."""
    rows = pq.read_table(esci / ESCI_PAIRS, columns=["product_title", "locale"]).to_pylist()
    titles = sorted({item_text({"title": row["product_title"]}) for row in rows if row["locale"] == "us"})
    return np.random.default_rng(1).permutation(titles).tolist()


def measure_bytes(package: Path, esci: Path) -> dict:
    """Measure an item's bytes on disk, its share of the keys included, by the precision of its states."""
    titles = catalogue_texts(esci)[:1000]
    figures: dict = {}
    for precision in PRECISIONS:
        with TemporaryDirectory() as folder:
            builder = IndexBuilder(package, Path(folder), IndexOptions(precision=precision))
            builder.add(titles)
            builder.finish()
            (path,) = shard_paths(encoder_folder(folder, encoder_digest(package)))
            figures[f"bytes_per_item_{precision}"] = round(path.stat().st_size / builder.counts.items)
    return figures


def measure_simulated() -> dict:
    """Measure how long a server's process takes to open a million items, and its memory."""
    figures: dict = {}
    with TemporaryDirectory(dir="runs/bench/student") as folder:
        for precision in ("int8", "int4"):
            path = simulate_index(Path(folder), SIMULATED_ITEMS, precision)
            code = "from bench.student.simulated_index import open_and_look_up; import sys; "
            code += f"print(open_and_look_up(sys.argv[1], {LOOKUPS}))"
            command = [sys.executable, "-c", code, str(path)]
            runs = [json.loads(subprocess.check_output(command, text=True).splitlines()[-1]) for _ in range(5)]
            size = path.stat().st_size
            path.unlink()
            suffix = "" if precision == "int8" else f"_{precision}"
            figures |= {f"index_gb_1m{suffix}": round(size / 1e9, 2)}
            for key in runs[0]:
                figures |= spread(f"index_{key}_1m{suffix}", np.array([run[key] for run in runs]), 3)
    return figures


if __name__ == "__main__":
    app()
