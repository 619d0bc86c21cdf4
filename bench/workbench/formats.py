"""Judgements written as other tools' files and read back, and simulated logs by UBI's own schemas."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from bench.esci import ESCI_PAIRS
from components import contracts
from components.formats.table import read_table, write_table
from components.formats.ubi_read import read_ubi
from components.formats.ubi_write import write_ubi
from components.judgements.conversion import Target
from components.judgements.convert import Texts, convert
from testing.ubi_schemas import count_errors

FILES = {"quepid": "ratings.csv", "srw": "judgements.json", "qrels": "qrels.txt", "table": "pairs.parquet"}
GRADES = ("Irrelevant", "Complement", "Substitute", "Exact")  # as the product writes labels: 0 to 3
UBI_SEARCHES = 200  # of the simulated ones


def measure_formats(esci: Path, folder: Path) -> dict:
    """Return how many formats bring back each of ESCI's pairs with its label, and the pairs that they lost.

    Queries' ids, locales and titles are not compared: each file says which it cannot hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = pq.read_table(esci / ESCI_PAIRS, columns=["query_id", "query", "product_id", "label_4"]).to_pylist()
    rows = [
        {"query_id": str(row["query_id"]), "query": row["query"], "item_id": row["product_id"], "label": row["label_4"]}
        for row in pairs
    ]
    write_table(rows, folder / "esci.jsonl", "jsonl")
    judged = label_by_pair(folder / "esci.jsonl", folder / "judged.jsonl", "table")
    lost = {}
    for name, file in FILES.items():
        target = Target(folder / file, name, kind="parquet" if name == "table" else "")
        convert(folder / "esci.jsonl", "table", Texts(), target)
        back = label_by_pair(folder / file, folder / f"{name}.jsonl", name)
        lost[name] = len(judged.items() ^ back.items())
    figures = {"formats_round_trip": sum(not count for count in lost.values()), "formats_tried": len(lost)}
    return figures | {"formats_pairs": len(judged), "formats_pairs_changed": sum(lost.values())}


def label_by_pair(source: Path, out: Path, name: str) -> dict[tuple[str, str], str]:
    """Return the label of each query's text and item, as our own reader has it from a file."""
    queries = source.with_name(f"{source.name}.queries.tsv")
    texts = Texts(queries=queries if queries.exists() else None)
    convert(source, name, texts, Target(out, "table", kind="jsonl"))
    rows = [row.values for row in read_table(out, {})]
    return {(row["query"], row["item_id"]): name_label(row["label"]) for row in rows}


def name_label(label: str) -> str:
    """Return the label of a grade, or of a label itself."""
    return label if label in GRADES else GRADES[int(float(label))]


def measure_ubi(logs: Path, schemas: Path) -> dict:
    """Return how many queries and events of logs in a folder do not fit UBI's schemas, and the rows that they lose."""
    exposures = contracts.read(contracts.EXPOSURES, logs / "exposures.parquet")
    searches = set(list(dict.fromkeys(row["request_id"] for row in exposures))[:UBI_SEARCHES])
    exposures = [row for row in exposures if row["request_id"] in searches]
    outcomes = contracts.read(contracts.OUTCOMES, logs / "outcomes.parquet")
    outcomes = [row for row in outcomes if row["request_id"] in searches]
    written = write_ubi(exposures, outcomes)
    errors = count_errors(schemas, "query.request", written.queries) + count_errors(schemas, "event", written.events)
    sent = [json.loads(json.dumps(rows)) for rows in (written.queries, written.events)]
    read = read_ubi(*sent, str.encode)
    figures = {"ubi_schema_errors": errors, "ubi_queries": len(written.queries), "ubi_events": len(written.events)}
    return figures | {"ubi_rows_lost": len(exposures) + len(outcomes) - len(read.exposures) - len(read.outcomes)}
