"""Shards of a generation put together: one table of rationales, one of quarantine, one result."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from components import contracts
from components.rationales.summary import Summary
from components.step_result import StepResult

COUNTS = ("rows_in", "rows_out", "quarantined", "generated")


def gather(
    rationales: Sequence[Path],
    quarantine: Sequence[Path],
    results: Sequence[Path],
    out: tuple[Path, Path],
    price: float,
) -> StepResult:
    """Write all shards' tables as one each, and add their results up.

    `price` is US dollars for an hour of one worker.

    Raises:
        ValueError: the shards hold other numbers of rows than their workers counted.
    """
    shards = [json.loads(Path(path).read_text()) for path in results]
    counts = Counter()
    usage = Counter()
    summary = Summary()
    for shard in shards:
        counts.update({name: shard[name] for name in COUNTS})
        usage.update(shard["used"])
        summary.merge(Summary(**shard["summary"]))
    rows = (join(contracts.RATIONALES, rationales, out[0]), join(contracts.QUARANTINE, quarantine, out[1]))
    if rows != (counts["rows_out"], counts["quarantined"]):
        raise ValueError(f"the shards hold {rows} rows, their workers said {dict(counts)}")
    details = summary.details() | {
        "generated": counts.pop("generated"),
        "engine": shards[0]["engine"],
        "model": shards[0]["model"],
        "shards": len(shards),
        "used": cost(usage, summary.counts[("pairs",)], price),
    }
    return StepResult(**counts, headline=summary.headline(), details=details)


def join(schema, parts: Sequence[Path], out: Path) -> int:
    """Write several tables as one, a batch at a time, and count the rows."""
    rows = (row for part in parts for row in contracts.read_batches(schema, part))
    return contracts.write_batches(rows, schema, out)


def cost(usage: Counter, pairs: int, price: float) -> dict:
    """Return the workers' usage of the engine and the cost of 1,000 pairs.

    Answers from the store cost nothing.
    """
    thousands = max(1, pairs) / 1000
    return {
        **dict(usage),
        "seconds_per_1000_pairs": round(usage["seconds"] / thousands, 3),
        "usd_per_1000_pairs": round(usage["seconds"] / 3600 * price / thousands, 4) if price else None,
    }
