"""The command that scores a file: `python -m components.scoring.score PACKAGE PAIRS OUT`."""

import argparse
import sys
from pathlib import Path

from components.scoring.pairs_file import read_pairs, write_scored
from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text


def score_file(package: str | Path, pairs: str | Path, out: str | Path) -> int:
    """Score every row of a file and return the number of rows.

    Every row comes back with its label, probabilities and score. Both files are Parquet, CSV or JSONL. The
    output appears whole or not at all.

    Raises:
        ValueError: the file is of another kind, or a row lacks a query or title.
    """
    scorer = Scorer(package)

    def score_rows(rows: list[dict]) -> list[dict]:
        scores = scorer([(row["query"], item_text(row)) for row in rows])
        columns = zip(rows, scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
        return [
            row | {"predicted_label": label, "probabilities": probabilities, "score": score}
            for row, label, probabilities, score in columns
        ]

    return write_scored(map(score_rows, read_pairs(Path(pairs))), Path(out))


def main(arguments: list[str]) -> int:
    """Score a file from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.scoring.score",
        description="Score a file of query-item pairs in streaming batches; the output's ending says its kind.",
    )
    parser.add_argument("package", help="folder of a package")
    parser.add_argument("pairs", help="Parquet, CSV or JSONL: query, title; brand, category, attributes if known")
    parser.add_argument("out", help="Parquet, CSV or JSONL: each row with predicted_label, probabilities and score")
    args = parser.parse_args(arguments)
    try:
        count = score_file(args.package, args.pairs, args.out)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} pairs scored")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
