"""Judged and unjudged pairs of the marketplace of knowledge, with the hidden truth, generated from a seed.

`python -m simulation.knowledge --out FOLDER` writes judgements.parquet and unjudged.parquet, as a shop would have them;
truth.parquet, with labels, and facts.parquet, with facts by perspective, are for simulated shoppers and teachers alone.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts import LABELS
from components.rationales.facts import format_facts
from simulation.knowledge.catalogue import Item, generate_catalogue
from simulation.knowledge.judging import Verdict, judge
from simulation.knowledge.queries import Query, generate_queries
from simulation.knowledge.shop import RuleBook, load_kinds, load_rules, zipf_weights
from simulation.marketplace import JUDGEMENTS, TRUTH, annotate, query_columns

PAIR_ITEMS = {"Exact": 5, "Substitute": 4, "Complement": 2, "Irrelevant": 4}  # a query, by label
NEAR_MISSES = 3  # irrelevant items of the query's family or brand, before others
OTHERS = 40  # items of any kind that a page may have
UNJUDGED = pa.schema([field for field in JUDGEMENTS if field.name not in ("label", "mismatch")])
FACTS = pa.schema([(name, pa.string()) for name in ("query_id", "item_id", "perspective", "facts")])


@dataclass(frozen=True)
class Sizes:
    """How much is generated."""

    items: int = 3600
    queries: int = 460  # judged
    unjudged_queries: int = 560
    seed: int = 7


@dataclass(frozen=True)
class Pair:
    """A query and an item of its page, with what is true of them."""

    query: Query
    item: Item
    verdict: Verdict


def generate_pairs(sizes: Sizes, rules: RuleBook) -> Iterator[tuple[bool, Pair]]:
    """Yield pairs of all queries, each with whether the query is judged."""
    draw = random.Random(sizes.seed)
    kinds = list(load_kinds().values())
    items = generate_catalogue(sizes.items, kinds, rules, draw)
    count = sizes.queries + sizes.unjudged_queries
    queries = generate_queries(count, zipf_weights(kinds, draw), items, rules, draw)
    judged_ids = set(draw.sample([query.query_id for query in queries], sizes.queries))
    for query in queries:
        for item, verdict in draw_page(query, items, rules, draw):
            yield query.query_id in judged_ids, Pair(query, item, verdict)


def draw_page(query: Query, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> list[tuple[Item, Verdict]]:
    """Draw the items of a query's pages, with true verdicts, each item once."""
    by_label: dict[str, list[tuple[Item, Verdict]]] = {label: [] for label in LABELS}
    kind = query.intent.kind
    near_kinds = {kind.name} | kind.near | kind.used_with
    candidates = [item for item in items if item.kind.name in near_kinds or is_near_miss(query, item)]
    candidates += draw.sample(items, min(OTHERS, len(items)))
    by_id = {item.item_id: item for item in candidates}
    for item in draw.sample(list(by_id.values()), len(by_id)):
        verdict = judge(query.intent, item, rules)
        by_label[verdict.label].append((item, verdict))
    by_label["Irrelevant"].sort(key=lambda entry: not is_near_miss(query, entry[0]))  # the order within stays
    misses = by_label["Irrelevant"]
    by_label["Irrelevant"] = misses[:NEAR_MISSES] + misses[-2:]
    entries = []
    for label in LABELS:
        entries += by_label[label][: PAIR_ITEMS[label] + draw.randrange(3) - 1]
    return entries


def is_near_miss(query: Query, item: Item) -> bool:
    """Return True where an item shares brand or family with what is asked for."""
    intent = query.intent
    return item.brand == intent.brand or item.kind.family == intent.kind.family


def page_columns(pair: Pair) -> dict:
    """Return what a row shows of a pair."""
    item = pair.item
    columns = {"query_id": pair.query.query_id, "item_id": item.item_id} | query_columns(pair.query)
    columns |= {"title": item.title, "brand": item.brand, "category": item.category}
    return columns | {"attributes": item.listed_attributes, "price": item.price, "rating": item.rating}


def write_marketplace(folder: Path, sizes: Sizes) -> dict[str, float]:
    """Write the four files.

    Returns counts, with the share of pairs that the rule book decides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rules = load_rules()
    draw = random.Random(sizes.seed + 1)
    rows: dict[str, list[dict]] = {"judgements": [], "unjudged": [], "truth": [], "facts": []}
    knowledge_count = 0
    for is_judged, pair in generate_pairs(sizes, rules):
        key = {"query_id": pair.query.query_id, "item_id": pair.item.item_id}
        columns = page_columns(pair)
        if is_judged:
            label, mismatch = annotate(pair.verdict.label, pair.verdict.mismatch, draw)
            rows["judgements"].append(columns | {"label": label, "mismatch": mismatch})
        else:
            rows["unjudged"].append(columns)
        rows["truth"].append(key | {"true_label": pair.verdict.label, "price": pair.item.price})
        for perspective, facts in pair.verdict.facts.items():
            rows["facts"].append(key | {"perspective": perspective, "facts": format_facts(facts)})
        knowledge_count += judge(pair.query.intent, pair.item, rules, knows_rules=False).label != pair.verdict.label
    schemas = {"judgements": JUDGEMENTS, "unjudged": UNJUDGED, "truth": TRUTH, "facts": FACTS}
    for name, schema in schemas.items():
        pq.write_table(pa.Table.from_pylist(rows[name], schema=schema), folder / f"{name}.parquet")
    counts = {name: len(rows[name]) for name in ("judgements", "unjudged")}
    return counts | {"decided_by_knowledge": knowledge_count / len(rows["truth"])}
