"""Selection of the pairs to sample rationales for, and their division into buckets that fit in memory."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice, zip_longest
from pathlib import Path

from components import contracts
from components.sampling import hash_digest


def read_pairs(tables: Iterable[str | Path], split: str, count: int) -> Iterator[dict]:
    """Yield the selected pairs of JUDGEMENTS, and all of UNJUDGED, whose label is None.

    Raises:
        ValueError: the judgements have no pair of the split.
    """
    for table in tables:
        if contracts.holds(contracts.UNJUDGED, table):
            for row in contracts.read_batches(contracts.UNJUDGED, table):
                yield row | {"label": None, "mismatch": None}
        else:
            yield from select_pairs(contracts.read_batches(contracts.JUDGEMENTS, table), split, count)


def select_pairs(rows: Iterable[dict], split: str, count: int) -> Iterator[dict]:
    """Yield pairs of a split, or all of them where `count` is 0.

    Of train, `count` are taken equally of each label; of another split, over as many queries as there are.

    Raises:
        ValueError: the split has none.
    """
    selection = (row for row in rows if row["split"] == split)
    if count:
        selection = balance_labels(selection, count) if split == "train" else spread_over_queries(selection, count)
    is_empty = True
    for row in selection:
        is_empty = False
        yield row
    if is_empty:
        raise ValueError(f"no judged pair is in the {split} split: there is nothing to ask rationales for")


def balance_labels(rows: Iterable[dict], count: int) -> list[dict]:
    """Take `count` train pairs, equally of each label while there are enough.

    Only the pairs' names decide which.
    """
    by_label = defaultdict(list)
    for row in rows:
        if row["split"] == "train":
            by_label[row["label"]].append(row)
    groups = [sorted(by_label[label], key=pair_digest) for label in sorted(by_label)]
    turns = chain.from_iterable(zip_longest(*groups))
    selection = islice(filter(None, turns), count)
    return sorted(selection, key=lambda row: (row["query_id"], row["item_id"]))


def spread_over_queries(rows: Iterable[dict], count: int) -> list[dict]:
    """Take `count` pairs, one of each query in turn.

    Only the pairs' names decide which.
    """
    by_query = defaultdict(list)
    for row in sorted(rows, key=pair_digest):
        by_query[row["query_id"]].append(row)
    turns = chain.from_iterable(zip_longest(*by_query.values()))
    return list(islice(filter(None, turns), count))


def write_buckets(rows: Iterable[dict], buckets: int, folder: Path) -> list[Path]:
    """Write one JSONL file a bucket.

    A pair's name and the number of buckets decide its bucket.
    """
    paths = [folder / f"{number:04d}.jsonl" for number in range(buckets)]
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "w")) for path in paths]
        for row in rows:
            number = int.from_bytes(pair_digest(row)[:8], "big") % buckets
            files[number].write(json.dumps(row) + "\n")
    return paths


def pair_digest(row: dict) -> bytes:
    """Return the sha256 of a pair's name, which orders and divides pairs."""
    return hash_digest(f"{row['query_id']}\n{row['item_id']}")
