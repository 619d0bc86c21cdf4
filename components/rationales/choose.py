"""Choose the judged pairs that rationales are spent on, and divide them into buckets that fit in memory."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path


def train_pairs(rows: Iterable[dict], count: int) -> Iterator[dict]:
    """`count` train pairs, equally of each label; 0 streams all of them.

    Raises:
        ValueError: there is none.
    """
    train = (row for row in rows if row["split"] == "train")
    found = 0
    for row in choose_pairs(train, count) if count else train:
        found += 1
        yield row
    if not found:
        raise ValueError("no judged pair is in the train split: nothing to sample rationales from")


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
    return hashlib.sha256(f"{row['query_id']}\n{row['item_id']}".encode()).digest()
