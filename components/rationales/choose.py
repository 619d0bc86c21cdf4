"""Choose the judged pairs that rationales are asked for, and divide them into buckets that fit in memory."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice, zip_longest
from pathlib import Path

from components.sampling import hash_digest


def pairs_of(rows: Iterable[dict], split: str, count: int) -> Iterator[dict]:
    """Pairs of a split: of train `count` equally of each label, of another over all queries; 0 streams all of them.

    Raises:
        ValueError: there is none.
    """
    inside = (row for row in rows if row["split"] == split)
    if count:
        inside = choose_pairs(inside, count) if split == "train" else over_queries(inside, count)
    found = 0
    for row in inside:
        found += 1
        yield row
    if not found:
        raise ValueError(f"no judged pair is in the {split} split: there is nothing to ask rationales for")


def choose_pairs(rows: Iterable[dict], count: int) -> list[dict]:
    """`count` train pairs, equally of each label while there are enough, in an order that only their names decide."""
    by_label = defaultdict(list)
    for row in rows:
        if row["split"] == "train":
            by_label[row["label"]].append(row)
    for group in by_label.values():
        group.sort(key=digest)
    total = sum(map(len, by_label.values()))
    chosen, depth = [], 0
    while len(chosen) < min(count, total):
        chosen += [group[depth] for _, group in sorted(by_label.items()) if depth < len(group)]
        depth += 1
    return sorted(chosen[:count], key=lambda row: (row["query_id"], row["item_id"]))


def over_queries(rows: Iterable[dict], count: int) -> list[dict]:
    """`count` pairs over as many queries as there are, one of each in turn; which pairs, only their names decide."""
    by_query = defaultdict(list)
    for row in sorted(rows, key=digest):
        by_query[row["query_id"]].append(row)
    turns = chain.from_iterable(zip_longest(*by_query.values()))
    return list(islice(filter(None, turns), count))


def divided(rows: Iterable[dict], buckets: int, folder: Path) -> list[Path]:
    """One JSONL file a bucket; a pair's bucket depends on its name and the number of buckets alone."""
    paths = [folder / f"{number:04d}.jsonl" for number in range(buckets)]
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "w")) for path in paths]
        for row in rows:
            files[int.from_bytes(digest(row)[:8], "big") % buckets].write(json.dumps(row) + "\n")
    return paths


def digest(row: dict) -> bytes:
    """What a pair is sorted and divided by: sha256 of its name."""
    return hash_digest(f"{row['query_id']}\n{row['item_id']}")
