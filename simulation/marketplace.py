"""The embedded marketplace: items, queries, judgements and the hidden truth, all from a seed.

`python -m simulation.marketplace --out FOLDER` writes judgements.parquet, as a shop would have it, and truth.parquet,
which only the simulated shoppers may read.
"""

import argparse
import random
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts import LABELS
from simulation.catalogue import Item, catalogue
from simulation.queries import Intent, Query, queries

NOISE = 0.04  # share of judgements in which the annotator errs
WANTED = {
    "Exact": 8,
    "Substitute": 4,
    "Complement": 1,
    "Irrelevant": 2,
}  # judged items a query
JUDGEMENTS = pa.schema(
    [(name, pa.string()) for name in ("query_id", "query", "locale", "query_class", "item_id", "title", "brand")]
    + [(name, pa.string()) for name in ("category", "attributes", "label", "mismatch")]
    + [("price", pa.float32()), ("rating", pa.float32())]
)
TRUTH = pa.schema(
    [("query_id", pa.string()), ("item_id", pa.string()), ("true_label", pa.string()), ("price", pa.float32())]
)


def judge(intent: Intent, item: Item) -> tuple[str, str | None]:
    """The true label of an item for an intent, and what kind of mismatch makes it less than Exact."""
    if item.part or intent.part:
        return judge_part(intent, item)
    if item.kind is intent.kind:
        mismatch = first_mismatch(intent, item)
        return ("Substitute", mismatch) if mismatch else ("Exact", None)
    if item.kind.name in intent.kind.near and not intent.model:
        return ("Irrelevant", "category") if intent.brand not in ("", item.brand) else ("Substitute", "category")
    if item.kind.name in intent.kind.with_it:
        return "Complement", "accessory"
    return "Irrelevant", "category"


def judge_part(intent: Intent, item: Item) -> tuple[str, str | None]:
    """As `judge`, where an accessory is asked for or offered: it has to be for the right thing."""
    if item.kind is not intent.kind:
        return "Irrelevant", "category"
    if not item.part:
        return "Complement", "accessory"  # the thing that the accessory is for
    if intent.part and intent.part != item.part:
        return "Irrelevant", "accessory"
    if intent.brand not in ("", item.fits):
        return ("Substitute", "brand") if intent.part else ("Irrelevant", "brand")
    return ("Exact", None) if intent.part else ("Complement", "accessory")


def first_mismatch(intent: Intent, item: Item) -> str | None:
    """What differs between an intent and an item of the kind that is wanted."""
    if intent.model and intent.model != item.model:
        return "model"
    if intent.brand and intent.brand != item.brand:
        return "brand"
    if intent.wants and item.attributes[intent.wants[0]] != intent.wants[1]:
        return "attribute"
    if intent.refuses and item.attributes[intent.refuses[0]] == intent.refuses[1]:
        return "attribute"
    return None


def judged(query: Query, items: list[Item], draw: random.Random) -> list[tuple[Item, str, str | None]]:
    """The items that were judged for a query, as its result pages would hold: each with its true label."""
    by_label = defaultdict(list)
    for item in draw.sample(items, len(items)):
        label, mismatch = judge(query.intent, item)
        by_label[label].append((item, label, mismatch))
    hard = [entry for entry in by_label["Irrelevant"] if entry[0].brand == query.intent.brand]
    by_label["Irrelevant"] = hard[:1] + [entry for entry in by_label["Irrelevant"] if entry not in hard[:1]]
    chosen = []
    for label in LABELS:
        wanted = WANTED[label] + (draw.randrange(3) - 1 if label != "Complement" else draw.randrange(2))
        chosen += by_label[label][:wanted]
    return chosen


def annotated(label: str, mismatch: str | None, draw: random.Random) -> tuple[str, str | None]:
    """What the annotator wrote down: the true label, or now and then a neighbouring one."""
    if draw.random() >= NOISE:
        return label, mismatch
    wrong = draw.choice([other for other in LABELS if other != label])
    return wrong, None if wrong == "Exact" else mismatch


def generate(item_count: int, query_count: int, seed: int) -> tuple[list[dict], list[dict]]:
    """Judgement rows and truth rows of a marketplace."""
    draw = random.Random(seed)
    items = catalogue(item_count, draw)
    judgements, truth = [], []
    for query in queries(query_count, items, draw):
        for item, true_label, why in judged(query, items, draw):
            label, mismatch = annotated(true_label, why, draw)
            pair = {"query_id": query.query_id, "item_id": item.item_id}
            shown = {"title": item.title, "brand": item.brand, "category": item.category, "attributes": item.shown}
            asked = {"query": query.text, "locale": "us", "query_class": query.query_class}
            said = {"label": label, "mismatch": mismatch, "price": item.price, "rating": item.rating}
            judgements.append(pair | asked | shown | said)
            truth.append(pair | {"true_label": true_label, "price": item.price})
    return judgements, truth


def main() -> None:
    """Write a marketplace from the command line."""
    parser = argparse.ArgumentParser(prog="python -m simulation.marketplace", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--items", type=int, default=2400, help="items in the catalogue")
    parser.add_argument("--queries", type=int, default=460, help="different queries")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same marketplace")
    said = parser.parse_args()
    said.out.mkdir(parents=True, exist_ok=True)
    judgements, truth = generate(said.items, said.queries, said.seed)
    pq.write_table(pa.Table.from_pylist(judgements, schema=JUDGEMENTS), said.out / "judgements.parquet")
    pq.write_table(pa.Table.from_pylist(truth, schema=TRUTH), said.out / "truth.parquet")
    print(f"{len(judgements):,} judgements of {said.queries} queries over {said.items:,} items in {said.out}")


if __name__ == "__main__":
    main()
