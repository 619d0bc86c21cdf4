"""Write the marketplace of knowledge from the command line."""

import argparse
from pathlib import Path

from simulation.knowledge import marketplace
from simulation.knowledge.marketplace import Sizes, write_marketplace


def main() -> None:
    """Write it, and say how much knowledge decides."""
    parser = argparse.ArgumentParser(prog="python -m simulation.knowledge", description=marketplace.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--items", type=int, default=Sizes.items, help="items in the catalogue")
    parser.add_argument("--queries", type=int, default=Sizes.queries, help="queries that people judged")
    parser.add_argument("--unjudged-queries", type=int, default=Sizes.unjudged_queries, help="queries that nobody did")
    parser.add_argument("--seed", type=int, default=Sizes.seed, help="same seed, same marketplace")
    args = parser.parse_args()
    counts = write_marketplace(args.out, Sizes(args.items, args.queries, args.unjudged_queries, args.seed))
    print(
        f"{counts['judgements']:,} judgements of {args.queries} queries, and {counts['unjudged']:,} unjudged pairs of "
        f"{args.unjudged_queries}, in {args.out}; the rule book decides {counts['decided_by_knowledge']:.1%} of them"
    )


if __name__ == "__main__":
    main()
