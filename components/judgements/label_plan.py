"""How many queries people have to judge for an effect: `python -m components.judgements.label_plan --help`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from statistics import NormalDist

from components.prediction_powered import standard_error

DESCRIPTION = """How many queries people have to judge, so that an effect on a figure of queries is found.

The figure is one that each query has, as NDCG@10 or P@10, or the difference of two rankers' figures, which deviates
far less: then give the deviation of the difference. The teacher judges many more queries, and people correct it.

  make plan-judgements EFFECT=0.02
  make plan-judgements EFFECT=0.02 PLAN="--deviation 0.2 --correlation 0.8 --teacher-queries 5000"

`python -m components.judgements.few_labels` prints deviation and correlation of your own labels.
"""
MOST_QUERIES = 10_000_000


def queries_needed(enough: Callable[[int], bool]) -> int | None:
    """Return the least number of queries that is enough, None where none is."""
    if not enough(MOST_QUERIES):
        return None
    low = 1
    high = MOST_QUERIES
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def plan(args: argparse.Namespace) -> dict:
    """Return the queries that people have to judge, with the teacher's help and without."""
    normal = NormalDist()
    errors = normal.inv_cdf(1 - args.alpha / 2) + normal.inv_cdf(args.power)

    def is_enough(human: int, teacher: int) -> bool:
        return errors * standard_error(args.deviation, args.correlation, human, teacher) <= args.effect

    alone = queries_needed(lambda human: is_enough(human, 0))
    with_teacher = queries_needed(lambda human: is_enough(human, args.teacher_queries))
    return {
        "effect": args.effect,
        "human_queries": with_teacher,
        "human_queries_without_teacher": alone,
        "human_labels": None if with_teacher is None else with_teacher * args.items,
        "human_labels_without_teacher": None if alone is None else alone * args.items,
        "teacher_labels": args.teacher_queries * args.items,
        "fewer_percent": round(100 * (1 - with_teacher / alone), 1) if with_teacher and alone else None,
    }


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, ending the process with a sentence where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m components.judgements.label_plan",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--effect", type=float, required=True, help="absolute, as 0.02 of NDCG")
    parser.add_argument("--deviation", type=float, default=0.25, help="of a query's figure (default %(default)s)")
    parser.add_argument(
        "--correlation", type=float, default=0.8, help="of people's and teacher's figures (%(default)s)"
    )
    parser.add_argument("--teacher-queries", type=int, default=2000, help="judged by the teacher alone (%(default)s)")
    parser.add_argument("--items", type=int, default=10, help="labels a query (default %(default)s)")
    parser.add_argument("--alpha", type=float, default=0.05, help="two-sided (default %(default)s)")
    parser.add_argument("--power", type=float, default=0.8, help="probability to find the effect (default %(default)s)")
    args = parser.parse_args(arguments)
    for name in ("effect", "deviation", "items"):
        if not 0 < vars(args)[name] < float("inf"):
            parser.error(f"--{name} is {vars(args)[name]:g}: give a number above 0")
    for name in ("alpha", "power"):
        if not 0 < vars(args)[name] < 1:
            parser.error(f"--{name} is {vars(args)[name]:g}: give a number between 0 and 1")
    if not -1 <= args.correlation <= 1 or args.teacher_queries < 0:
        parser.error("--correlation lies from -1 to 1, and --teacher-queries is 0 or more")
    return args


def main(arguments: Sequence[str]) -> int:
    """Print the plan as JSON."""
    print(json.dumps(plan(parse_arguments(arguments)), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
