"""Prepare judgements: check each row, split by query, write what is good, set aside what is not with its reason."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path

from components import contracts
from components.config import JsonConfig
from components.judgements.readers import read_source

SPLITS = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "test": "test"}
LABELS = {name.lower(): name for name in contracts.LABELS} | {name[0].lower(): name for name in contracts.LABELS}
TEXT_LIMIT = 100_000  # characters of a field


@dataclass(frozen=True)
class PrepareConfig(JsonConfig):
    """How judgements are split, and from when they are known."""

    as_of: str = "2026-01-01T00:00:00+00:00"  # when the items were as the source says
    train_percent: int = 70  # of queries, where the source has no split
    valid_percent: int = 15  # on which the gate decides; what is left is test, which nothing here reads
    max_queries: int = 0  # a sample of the queries; 0 takes all


@dataclass
class Seen:
    """What earlier rows said: the label and place of each pair, the split of each query."""

    pairs: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)


def prepare(source: Path, columns: dict[str, str], config: PrepareConfig, out: tuple[Path, Path, Path]) -> dict:
    """Write JUDGEMENTS, ITEMS and REFUSED to `out`; return counts that add up.

    Raises:
        ValueError: no row of the source is good, or more than all queries are asked for.
    """
    if not 0 < config.train_percent <= config.train_percent + config.valid_percent <= 100:
        shares = f"train_percent {config.train_percent} and valid_percent {config.valid_percent}"
        raise ValueError(f"prepare_config's {shares} are no shares of 100: choose as 70 and 15")
    good, refused, total = [], [], 0
    seen = Seen()
    for file, line, row in read_source(source, columns):
        total += 1
        try:
            good.append(accepted(row, seen, f"{file}:{line}", config))
        except ValueError as error:
            refused.append({"file": file, "line": line, "reason": str(error), "row": shown(row)})
    if not good:
        first = f"; the first: line {refused[0]['line']}, {refused[0]['reason']}" if refused else ""
        raise ValueError(f"{Path(source).name} holds no usable judgement among {total} rows{first}")
    judged, sampled_out = sample(with_classes(good), config.max_queries)
    rows = [{name: row[name] for name in contracts.JUDGEMENTS.names} for row in judged]
    written = contracts.write(sorted(rows, key=itemgetter("query_id", "item_id")), contracts.JUDGEMENTS, out[0])
    items = contracts.write_batches(items_of(judged, config), contracts.ITEMS, out[1])
    contracts.write(refused, contracts.QUARANTINED_ROWS, out[2])
    queries = len({row["query_id"] for row in rows})
    return {
        "rows_in": total,
        "rows_out": written,
        "set_aside": len(refused) + sampled_out,
        "refused": len(refused),
        "sampled_out": sampled_out,
        "refused_by_reason": dict(Counter(row["reason"].split(":")[0] for row in refused)),
        "labels": dict(Counter(row["label"] for row in rows)),
        "splits": dict(Counter(row["split"] for row in rows)),
        "query_classes": dict(Counter(row["query_class"] for row in rows)),
        "queries": queries,
        "items": items,
        "figure": f"{written:,} judgements, {queries:,} queries, {len(refused)} refused",
    }


def accepted(row: dict | str, seen: Seen, place: str, config: PrepareConfig) -> dict:
    """A row by our names and rules.

    Raises:
        ValueError: why it is refused; the words before a colon name the kind of reason.
    """
    if isinstance(row, str):
        raise ValueError(row)
    row = {
        name: text(name, value) if name not in ("price", "rating") else number(name, value)
        for name, value in row.items()
    }
    for name in ("query", "title"):
        if not row[name]:
            raise ValueError(f"empty {name}")
    label = LABELS.get((row["label"] or "").lower())
    if label is None:
        raise ValueError(f"unknown label: {row['label']!r} is none of E, S, C, I or their names")
    row |= {"label": label, "locale": row["locale"] or "us"}
    row["query_id"] = row["query_id"] or name_of(row["locale"], row["query"].lower())
    row["item_id"] = row["item_id"] or name_of(row["title"], row["brand"] or "")
    row["mismatch"] = row["mismatch"] if row["mismatch"] in contracts.MISMATCHES else None
    first = seen.pairs.get((row["query_id"], row["item_id"]))
    if first:
        raise ValueError(f"duplicate: {first[1]} has it" + ("" if first[0] == label else f" with the label {first[0]}"))
    row["split"] = split_of(row, seen, config)
    seen.pairs[row["query_id"], row["item_id"]] = (label, place)
    return row


def text(name: str, value: object) -> str | None:
    """A field's text, trimmed; None for nothing."""
    if value is None:
        return None
    if not isinstance(value, (str, int)):
        raise ValueError(f"wrong type: {name} is a {type(value).__name__}, not text")
    trimmed = " ".join(str(value).split())
    if len(trimmed) > TEXT_LIMIT:
        raise ValueError(f"too long: {name} has {len(trimmed):,} characters, at most {TEXT_LIMIT:,} are read")
    return trimmed or None


def number(name: str, value: object) -> float | None:
    """A price or rating; None for nothing."""
    if value in (None, ""):
        return None
    try:
        if math.isfinite(float(value)):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"wrong type: {name} is {value!r}, not a number")


def name_of(*parts: str) -> str:
    """A stable name for what the source gives none."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def split_of(row: dict, seen: Seen, config: PrepareConfig) -> str:
    """The split of the row's query: the source's own, or by the query's name; never two for one query."""
    said = row["split"]
    if said is None:
        place = int(name_of("split", row["query_id"])[:8], 16) % 100
        ends = {"train": config.train_percent, "valid": config.train_percent + config.valid_percent}
        said = next((name for name, end in ends.items() if place < end), "test")
    split = SPLITS.get(said.lower())
    if split is None:
        raise ValueError(f"unknown split: {said!r} is none of {', '.join(SPLITS)}")
    if seen.splits.setdefault(row["query_id"], split) != split:
        raise ValueError(f"split leak: the query is in {seen.splits[row['query_id']]} already, and here in {split}")
    return split


def with_classes(rows: list[dict]) -> list[dict]:
    """Fill in a missing query_class by how much was judged for the query: a stand-in for how often it is asked."""
    counts = Counter(row["query_id"] for row in rows)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    place = {name: index / len(ranked) for index, name in enumerate(ranked)}
    for row in rows:
        if row["query_class"] not in contracts.QUERY_CLASSES:
            at = place[row["query_id"]]
            row["query_class"] = "head" if at < 0.1 else "torso" if at < 0.5 else "tail"
    return rows


def sample(rows: list[dict], max_queries: int) -> tuple[list[dict], int]:
    """The rows of at most `max_queries` queries, drawn by their names, and how many rows that leaves out."""
    if not max_queries:
        return rows, 0
    names = sorted({row["query_id"] for row in rows}, key=lambda name: name_of("sample", name))
    kept = set(names[:max_queries])
    chosen = [row for row in rows if row["query_id"] in kept]
    return chosen, len(rows) - len(chosen)


def items_of(rows: list[dict], config: PrepareConfig) -> Iterator[dict]:
    """Each item once, as its first row shows it."""
    time, known = datetime.fromisoformat(config.as_of), set()
    for row in sorted(rows, key=itemgetter("item_id")):
        if row["item_id"] not in known:
            known.add(row["item_id"])
            yield {name: row[name] for name in contracts.ITEMS.names if name != "time"} | {"time": time}


def shown(row: dict | str) -> str:
    """A refused row as text, cut to what a person wants to see."""
    return row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)[:500]
