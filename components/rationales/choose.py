"""Choose the judged pairs that rationales are spent on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable


def choose_pairs(rows: Iterable[dict], count: int) -> list[dict]:
    """`count` train pairs, equally of each label while there are enough, in an order that only their names decide."""
    by_label = defaultdict(list)
    for row in rows:
        if row["split"] == "train":
            by_label[row["label"]].append(row)
    if not by_label:
        raise ValueError("no judged pair is in the train split: nothing to sample rationales from")
    for group in by_label.values():
        group.sort(key=lambda row: hashlib.sha256(f"{row['query_id']}\n{row['item_id']}".encode()).digest())
    total = sum(map(len, by_label.values()))
    chosen, depth = [], 0
    while len(chosen) < min(count or total, total):
        chosen += [group[depth] for _, group in sorted(by_label.items()) if depth < len(group)]
        depth += 1
    return sorted(chosen[: count or total], key=lambda row: (row["query_id"], row["item_id"]))
