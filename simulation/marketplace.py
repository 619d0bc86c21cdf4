"""The embedded marketplace: items, queries, judgements and the hidden truth, generated from a seed.

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
from simulation.catalogue import Item, generate_catalogue
from simulation.queries import Intent, Query, generate_queries

NOISE = 0.04  # share of judgements in which the annotator errs
JUDGED_ITEMS = {"Exact": 8, "Substitute": 4, "Complement": 1, "Irrelevant": 2}  # a query, by label
JUDGEMENTS = pa.schema(
    [(name, pa.string()) for name in ("query_id", "query", "locale", "query_class", "item_id", "title", "brand")]
    + [(name, pa.string()) for name in ("category", "attributes", "label", "mismatch")]
    + [("price", pa.float32()), ("rating", pa.float32())]
)
TRUTH = pa.schema(
    [("query_id", pa.string()), ("item_id", pa.string()), ("true_label", pa.string()), ("price", pa.float32())]
)


def judge(intent: Intent, item: Item) -> tuple[str, str | None]:
    """Return an item's true label for an intent, and what mismatches."""
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
    """Judge as `judge` where an accessory is searched or offered."""
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
    """Return what differs between an intent and an item of its kind."""
    if intent.model and intent.model != item.model:
        return "model"
    if intent.brand and intent.brand != item.brand:
        return "brand"
    if intent.wants and item.attributes[intent.wants[0]] != intent.wants[1]:
        return "attribute"
    if intent.refuses and item.attributes[intent.refuses[0]] == intent.refuses[1]:
        return "attribute"
    return None


def draw_judged_items(query: Query, items: list[Item], draw: random.Random) -> list[tuple[Item, str, str | None]]:
    """Draw the items judged for a query as on its result pages, with true labels."""
    by_label = defaultdict(list)
    for item in draw.sample(items, len(items)):
        label, mismatch = judge(query.intent, item)
        by_label[label].append((item, label, mismatch))
    hard = [entry for entry in by_label["Irrelevant"] if entry[0].brand == query.intent.brand]
    by_label["Irrelevant"] = hard[:1] + [entry for entry in by_label["Irrelevant"] if entry not in hard[:1]]
    entries = []
    for label in LABELS:
        variation = draw.randrange(2) if label == "Complement" else draw.randrange(3) - 1
        entries += by_label[label][: JUDGED_ITEMS[label] + variation]
    return entries


def annotate(label: str, mismatch: str | None, draw: random.Random) -> tuple[str, str | None]:
    """Return the annotator's label: the true one, or now and then another."""
    if draw.random() >= NOISE:
        return label, mismatch
    wrong = draw.choice([other for other in LABELS if other != label])
    return wrong, None if wrong == "Exact" else mismatch


def generate(item_count: int, query_count: int, seed: int) -> tuple[list[dict], list[dict]]:
    """Generate the judgement rows and truth rows of a marketplace."""
    draw = random.Random(seed)
    items = generate_catalogue(item_count, draw)
    judgements = []
    truth = []
    for query in generate_queries(query_count, items, draw):
        for item, true_label, why in draw_judged_items(query, items, draw):
            label, mismatch = annotate(true_label, why, draw)
            pair = {"query_id": query.query_id, "item_id": item.item_id}
            judgement = {"label": label, "mismatch": mismatch, "price": item.price, "rating": item.rating}
            judgements.append(pair | query_columns(query) | item_columns(item) | judgement)
            truth.append(pair | {"true_label": true_label, "price": item.price})
    return judgements, truth


def query_columns(query: Query) -> dict:
    """Return what a judgement shows of its query."""
    return {"query": query.text, "locale": "us", "query_class": query.query_class}


def item_columns(item: Item) -> dict:
    """Return what a judgement shows of its item."""
    attributes = item.listed_attributes
    return {"title": item.title, "brand": item.brand, "category": item.category, "attributes": attributes}


def write_marketplace(folder: Path, item_count: int, query_count: int, seed: int) -> int:
    """Write judgements.parquet and truth.parquet to a folder and return the number of judgements."""
    folder.mkdir(parents=True, exist_ok=True)
    judgements, truth = generate(item_count, query_count, seed)
    pq.write_table(pa.Table.from_pylist(judgements, schema=JUDGEMENTS), folder / "judgements.parquet")
    pq.write_table(pa.Table.from_pylist(truth, schema=TRUTH), folder / "truth.parquet")
    return len(judgements)


def main() -> None:
    """Write a marketplace from the command line."""
    parser = argparse.ArgumentParser(prog="python -m simulation.marketplace", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--items", type=int, default=2400, help="items in the catalogue")
    parser.add_argument("--queries", type=int, default=460, help="different queries")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same marketplace")
    args = parser.parse_args()
    count = write_marketplace(args.out, args.items, args.queries, args.seed)
    print(f"{count:,} judgements of {args.queries} queries over {args.items:,} items in {args.out}")


if __name__ == "__main__":
    main()
