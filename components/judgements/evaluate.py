"""Measure a ranking against judgements, in any format: `python -m components.judgements.evaluate --help`."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from components.formats.guess import guess_format
from components.input_paths import check_path
from components.judgements.convert import Texts, open_rows
from components.judgements.pairs import collect_pairs
from components.judgements.ratings import choose_ranking, choose_ratings, parse_grades
from components.ranking_metrics import mean_scores, score_run

DESCRIPTION = """NDCG@k, average precision, reciprocal rank and P@k of a ranking, as trec_eval has them.

Judgements and ranking may be qrels and a run, files of Quepid's, or our own rows. Gains are linear in the ratings:
labels become 3, 2, 1, 0, or ESCI's gains with --grades gains. Ratings from 1 are relevant. Items that nobody judged
gain nothing: how many of the first k are judged is printed."""


def read_judgements(path: Path, labels: str, grades: str) -> dict[str, dict[str, float]]:
    """Return the ratings of each query's items.

    Raises:
        ValueError: the file cannot be read, or a label has no number.
    """
    pairs = collect_pairs(open_rows(path, guess_format(path), Texts()))
    rows = choose_ratings(pairs, "table", labels, parse_grades(grades))
    ratings: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row["number"] is not None:
            ratings[row["query_id"]][row["item_id"]] = row["number"]
    return ratings


def read_rankings(path: Path) -> dict[str, list[str]]:
    """Return each query's items in their order.

    Raises:
        ValueError: the file cannot be read.
    """
    rankings: dict[str, list[str]] = defaultdict(list)
    for row in choose_ranking(collect_pairs(open_rows(path, guess_format(path), Texts()))):
        rankings[row["query_id"]].append(row["item_id"])
    return rankings


def evaluate(judgements: dict[str, dict[str, float]], rankings: dict[str, list[str]], k: int) -> dict:
    """Return the mean measures over judged queries, and how much was judged.

    Raises:
        ValueError: no query is both judged and ranked.
    """
    both = judgements.keys() & rankings.keys()
    if not both:
        raise ValueError("no query is both judged and ranked: the two files name queries by different ids")
    places = [(query, item) for query in both for item in rankings[query][:k]]
    judged_count = sum(item in judgements[query] for query, item in places)
    return asdict(mean_scores(score_run(rankings, judgements, k))) | {
        "k": k,
        "queries": len(judgements),
        "queries_without_ranking": len(judgements) - len(both),
        "rankings_without_judgements": len(rankings.keys() - both),
        "judged_share": judged_count / len(places),
    }


def main(arguments: Sequence[str]) -> int:
    """Print the measures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m components.judgements.evaluate",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("judgements", type=Path, metavar="JUDGEMENTS")
    parser.add_argument("ranking", type=Path, metavar="RANKING")
    parser.add_argument("--k", type=int, default=10, help="places that count (default %(default)s)")
    parser.add_argument("--labels", default="", help="make numbers labels first, as in components.judgements.convert")
    parser.add_argument("--grades", default="0-3", help="numbers of labels: 0-3, or gains (100, 10, 1, 0)")
    args = parser.parse_args(arguments)
    try:
        check_path("JUDGEMENTS", args.judgements)
        check_path("RANKING", args.ranking)
        judgements = read_judgements(args.judgements, args.labels, args.grades)
        print(json.dumps(evaluate(judgements, read_rankings(args.ranking), args.k), indent=1))
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
