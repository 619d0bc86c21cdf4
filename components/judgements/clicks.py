"""Graded judgements from clicks, with intervals: `python -m components.judgements.clicks --help`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.judgements.click_counts import ClickCounts, count_clicks
from components.judgements.click_models import MODELS, Estimate

DESCRIPTION = """Graded judgements from EXPOSURES and OUTCOMES, as a source of its own.

No run reads clicks unless somebody gives it this file, by --click-judgements: clicks say what sells at a glance, and
people's labels what is right. Every row names its source and has a weight, and the column is `grade`, which no reader
takes for a label by itself.

models:
  position  a click needs a look, which the position decides. Looks are estimated from items that were shown at several
            positions: interleaved pages, which are random, where there are enough, else all pages. The default.
  cascade   users read from the top and stop at the first click.
  coec      clicks over expected clicks, those of an average item at the same positions. The simple form: no grade,
            1 is as usual, and items that stand high because they are good are held to a higher bar.

grade is attractiveness: how often the item is clicked once it is looked at. low and high hold it in 95 of 100 cases.
weight is 1 - (high - low) / (high + low): 0 where nothing is known, near 1 where much is. looks are the impressions
that were looked at, as far as the model says.
"""
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("source", "query_id", "query", "locale", "item_id")]
    + [(name, pa.float64()) for name in ("grade", "low", "high", "weight", "looks")]
    + [("impressions", pa.int64()), ("clicks", pa.int64())]
)


def list_judgements(counts: ClickCounts, estimate: Estimate, model: str, minimum: int) -> Iterator[dict]:
    """Yield a row for each pair that was shown and looked at enough."""
    impressions = [0] * len(counts.pairs)
    clicks = [0] * len(counts.pairs)
    for pair, impression_count, click_count in zip(counts.pair, counts.impressions, counts.clicks, strict=True):
        impressions[pair] += int(impression_count)
        clicks[pair] += int(click_count)
    for number, pair in enumerate(counts.pairs):
        low = float(estimate.low[number])
        high = float(estimate.high[number])
        if impressions[number] >= minimum and estimate.exposure[number] > 0:
            grades = {"grade": float(estimate.value[number]), "low": low, "high": high}
            grades |= {"weight": 1 - (high - low) / (high + low), "looks": float(estimate.exposure[number])}
            totals = {"impressions": impressions[number], "clicks": clicks[number]}
            yield {"source": f"clicks-{model}"} | pair | grades | totals


def main(arguments: Sequence[str]) -> int:
    """Write the judgements, and print what they rest on."""
    parser = argparse.ArgumentParser(
        prog="python -m components.judgements.clicks",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("exposures", type=Path, help="Parquet files, or a folder of them")
    parser.add_argument("outcomes", type=Path, help="Parquet files, or a folder of them")
    parser.add_argument("out", type=Path, metavar="OUT.parquet")
    parser.add_argument("--model", choices=MODELS, default="position")
    parser.add_argument("--minimum", type=int, default=20, help="impressions of a pair (default %(default)s)")
    args = parser.parse_args(arguments)
    try:
        counts = count_clicks(args.exposures, args.outcomes)
        estimate = MODELS[args.model](counts)
        rows = list(list_judgements(counts, estimate, args.model, args.minimum))
        args.out.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), args.out, compression="zstd")
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    print(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.account.items()))
    print(estimate.note)
    print(
        f"wrote {args.out.name}: {len(rows):,} pairs; left out {len(counts.pairs) - len(rows):,}, shown less than "
        f"{args.minimum} times or never looked at"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
