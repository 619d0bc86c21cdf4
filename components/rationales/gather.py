"""Put the shards of a generation together: one table of rationales, one of the refused, one account of all."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from components import contracts
from components.rationales.summary import Summary

COUNTS = ("rows_in", "rows_out", "quarantined", "generated")


def gather(
    rationales: Sequence[Path], quarantine: Sequence[Path], facts: Sequence[Path], out: tuple[Path, Path], price: float
) -> dict:
    """Write all shards' tables as one each, and add their facts up; `price` is US dollars for an hour of one worker.

    Raises:
        ValueError: the shards hold other numbers of rows than their workers said.
    """
    said = [json.loads(Path(path).read_text()) for path in facts]
    counts, used, summary = Counter(), Counter(), Summary()
    for shard in said:
        counts.update({name: shard[name] for name in COUNTS})
        used.update(shard["used"])
        summary.merge(Summary(**shard["summary"]))
    found = joined(contracts.RATIONALES, rationales, out[0]), joined(contracts.QUARANTINE, quarantine, out[1])
    if found != (counts["rows_out"], counts["quarantined"]):
        raise ValueError(f"the shards hold {found} rows, their workers said {dict(counts)}")
    return {
        **dict(counts),
        **summary.facts(),
        "engine": said[0]["engine"],
        "shards": len(said),
        "used": cost(used, summary.counts[("pairs",)], price),
    }


def joined(schema, parts: Sequence[Path], out: Path) -> int:
    """Write several tables as one, a batch in memory at a time; returns the number of rows."""
    return contracts.write_batches((row for part in parts for row in contracts.read_batches(schema, part)), schema, out)


def cost(used: Counter, pairs: int, price: float) -> dict:
    """What the workers asked the engine now (not what the store knew), what it took, and what 1,000 pairs cost."""
    thousands = max(1, pairs) / 1000
    return {
        **dict(used),
        "seconds_per_1000_pairs": round(used["seconds"] / thousands, 3),
        "usd_per_1000_pairs": round(used["seconds"] / 3600 * price / thousands, 4) if price else None,
    }
