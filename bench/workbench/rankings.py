"""Whether our measures of rankings are those of ir-measures, on qrels and runs that we export."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bench.esci import ESCI_PAIRS
from bench.workbench.oracle_python import ask
from components.formats.table import write_table
from components.judgements.conversion import Target
from components.judgements.convert import Texts, convert
from components.judgements.evaluate import read_judgements, read_rankings
from components.ranking_metrics import score_run

PLACES = (5, 10)
UNJUDGED_ITEMS = 3  # a query, that a run has and nobody judged
RANKED_SHARE = 0.9  # of the judged items
TIED_SCORES = 12  # different scores, so that many are tied


def compare_measures(python: Path, esci: Path, folder: Path) -> dict:
    """Return the largest differences of any query's NDCG and other measures, over two scales of gains."""
    differences: dict[str, float] = {}
    queries = 0
    for grades in ("0-3", "gains"):
        qrels, run = export(esci, folder, grades)
        for k in PLACES:
            ours = score_run(read_rankings(run), read_judgements(qrels, "", "0-3"), k)
            theirs = ask(python, {"what": "run", "qrels": str(qrels), "run": str(run), "k": k})
            if ours.keys() != theirs.keys():
                raise RuntimeError("ir-measures has other queries")
            queries = len(ours)
            for query, scores in ours.items():
                for name, value in asdict(scores).items():
                    differences[name] = max(differences.get(name, 0.0), abs(value - theirs[query][name]))
    largest = {f"{name}_max_difference_ir_measures": value for name, value in differences.items()}
    return largest | {"ir_measures_queries": queries}


def export(esci: Path, folder: Path, grades: str) -> tuple[Path, Path]:
    """Write ESCI's judgements as qrels and a made-up ranking as a run, by the product's command."""
    rng = np.random.default_rng(1)
    pairs = pq.read_table(esci / ESCI_PAIRS, columns=["query_id", "query", "product_id", "label"]).to_pylist()
    judgements = [
        {"query_id": str(row["query_id"]), "query": row["query"], "item_id": row["product_id"], "label": row["label"]}
        for row in pairs
    ]
    ranking = []
    for row in judgements:
        if rng.random() < RANKED_SHARE:
            score = rng.integers(TIED_SCORES) / TIED_SCORES if len(ranking) % 2 else rng.random()
            ranking.append({"query_id": row["query_id"], "item_id": row["item_id"], "score": str(score)})
    for query in {row["query_id"] for row in ranking}:
        for number in range(UNJUDGED_ITEMS):
            ranking.append({"query_id": query, "item_id": f"unjudged-{number}", "score": str(rng.random())})
    paths = {name: folder / f"{name}-{grades}" for name in ("judgements.jsonl", "ranking.jsonl", "qrels", "run")}
    for name, rows in (("judgements.jsonl", judgements), ("ranking.jsonl", ranking)):
        paths[name] = paths[name].with_suffix(".jsonl")
        write_table(rows, paths[name], "jsonl")
    convert(paths["judgements.jsonl"], "table", Texts(), Target(paths["qrels"], "qrels", grades=grades))
    convert(paths["ranking.jsonl"], "table", Texts(), Target(paths["run"], "run"))
    return paths["qrels"], paths["run"]
