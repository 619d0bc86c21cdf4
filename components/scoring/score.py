"""The command that scores a file: `python -m components.scoring.score PACKAGE PAIRS OUT`.

Every row of the file comes back once, in order, with its own columns as they were.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa

from components.csv_records import TableRow
from components.input_paths import check_file
from components.scoring.pair_rows import Pair, read_pair, to_unicode
from components.scoring.row_writers import open_writer
from components.scoring.scorer import Scorer
from components.scoring.table_survey import Survey, survey_table
from components.step_result import CommandProgress
from components.tabular import TableFile

BATCH = 512
ANSWERS = {
    "predicted_label": pa.string(),
    "probabilities": pa.list_(pa.float64()),
    "score": pa.float64(),
    "error": pa.string(),
}
PREFIX = "broadfast_"  # of our columns that the file has already
INCOMPLETE = 3  # exit status


@dataclass
class ScoreCounts:
    """How many rows were read and scored, and which fields were dropped."""

    rows: int = 0
    scored_rows: int = 0
    dropped_fields: Counter = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)  # on how the file was read

    @property
    def sentence(self) -> str:
        """Say the counts in one line."""
        errors = self.rows - self.scored_rows
        sentence = f"{self.scored_rows} pairs scored"
        if errors:
            sentence = f"{self.scored_rows} of {self.rows} pairs scored, {errors} with an error"
        if self.dropped_fields:
            counts = ", ".join(f"{name} ({count})" for name, count in sorted(self.dropped_fields.items()))
            sentence += f"; dropped for being no text: {counts}"
        return sentence


def score_file(package: str | Path, pairs: str | Path, out: str | Path) -> ScoreCounts:
    """Score every row of a file into another file, and return the counts.

    The file appears whole or not at all. A row that cannot be scored has an error. Our columns get the prefix
    `broadfast_` where the file has their names.

    Raises:
        ValueError: a path is wrong, or a file is of another kind, lacks the columns query and title, or has no row.
    """
    check_paths(Path(pairs), Path(out))
    table = TableFile(Path(pairs), keeps_duplicates=True)
    survey = survey_table(table)
    names = unique_answer_names(survey.names)
    columns = survey.with_columns({names[name]: kind for name, kind in ANSWERS.items()})
    scorer = Scorer(package)
    counts = ScoreCounts(notes=table.notes)
    progress = CommandProgress(survey.rows, "pairs")
    rows = table.rows()
    with open_writer(Path(out), columns) as write_rows:
        while batch := list(islice(rows, BATCH)):
            write_rows(list(score_rows(batch, scorer, survey, names, counts)))
            progress.advance(len(batch))
    return counts


def check_paths(pairs: Path, out: Path) -> None:
    """Check where rows come from and go to, before anything is read.

    Raises:
        ValueError: there is no such file or folder, or the output would overwrite the input.
    """
    check_file("PAIRS", pairs)
    if not out.parent.is_dir():
        raise ValueError(f"OUT is {out}, but the folder {out.parent} does not exist: create it, or give another path")
    if out.is_dir():
        raise ValueError(f"OUT is {out}, which is a folder: give the name of a file")
    if out.exists() and out.samefile(pairs):
        raise ValueError(f"OUT is {out}, which is PAIRS itself: give another name, so that your file is kept")


def score_rows(
    rows: list[TableRow], scorer: Scorer, survey: Survey, names: dict[str, str], counts: ScoreCounts
) -> Iterator[dict]:
    """Yield each row's own columns with our answers, and count them."""
    pairs = [read_pair(row) for row in rows]
    answers = score_pairs(pairs, scorer)
    for row, pair in zip(rows, pairs, strict=True):
        counts.rows += 1
        counts.scored_rows += not pair.error
        counts.dropped_fields.update(pair.dropped_fields)
        answer = {"error": pair.error} if pair.error else next(answers)
        yield own_columns(row, survey) | {names[name]: answer.get(name) for name in ANSWERS}


def score_pairs(pairs: list[Pair], scorer: Scorer) -> Iterator[dict]:
    """Yield label, probabilities and score of each pair that has no error."""
    good_pairs = [(pair.query, pair.item_text) for pair in pairs if not pair.error]
    if not good_pairs:
        return
    scores = scorer(good_pairs)
    columns = zip(scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
    for label, probabilities, score in columns:
        yield {"predicted_label": label, "probabilities": probabilities, "score": score}


def own_columns(row: TableRow, survey: Survey) -> dict:
    """Return a row's own columns, as far as a broken row has any."""
    if not row.error or not survey.separator:
        return row.values
    text = to_unicode(row.text)
    is_misquoted = row.error.startswith("broken quoting")
    fields = text.split(survey.separator) if is_misquoted else next(csv.reader([text], delimiter=survey.separator))
    return dict(zip(survey.names, fields, strict=False))


def unique_answer_names(own_names: list[str]) -> dict[str, str]:
    """Map our columns to names that the file does not have."""
    names = {}
    for name in ANSWERS:
        unique_name = name
        while unique_name in own_names:
            unique_name = PREFIX + unique_name
        names[name] = unique_name
    return names


def main(arguments: list[str]) -> int:
    """Score a file from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.scoring.score",
        description="Score a file of query-item pairs in streaming batches. The files' endings say their kinds: CSV, "
        "TSV, JSONL or Parquet. Exit status: 0, every row is scored; 1, nothing is written; "
        f"{INCOMPLETE}, some rows have an error.",
    )
    parser.add_argument("package", help="folder of a package")
    parser.add_argument("pairs", help="rows with query, title, and brand, category, attributes where they are known")
    parser.add_argument("out", help="each row with predicted_label, probabilities, score, and the error if any")
    args = parser.parse_args(arguments)
    try:
        counts = score_file(args.package, args.pairs, args.out)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for note in counts.notes:
        print(note, file=sys.stderr)
    print(counts.sentence)
    return 0 if counts.rows == counts.scored_rows else INCOMPLETE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
