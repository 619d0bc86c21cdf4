"""The command that reads a catalogue ahead: `python -m components.scoring.index PACKAGE ITEMS OUT`.

A server with `--item-index OUT` then encodes none of these items. What OUT holds already is not read again: a command
that was killed goes on, and the next day's catalogue costs its changes alone.
"""

import argparse
import sys
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from components.csv_records import TableRow
from components.formats.catalogue import TITLE_COLUMNS, find_column
from components.input_paths import check_file
from components.row_batches import batch_rows
from components.scoring.index_builder import IndexBuilder, IndexCounts, IndexOptions
from components.scoring.pair_rows import OPTIONAL, read_optional_fields, to_text
from components.scoring.state_precision import INT8, PRECISIONS
from components.scoring.tokenizer import item_text
from components.step_result import CommandProgress
from components.tabular import TableFile

BATCH = 512  # rows
INCOMPLETE = 3  # exit status


def index_catalogue(package: Path, catalogue: Path, out: Path, options: IndexOptions) -> IndexCounts:
    """Read a shard of a catalogue's items ahead, and return the counts.

    Raises:
        ValueError: the catalogue is no file or has no titles, the package stores no states, or a file is damaged.
    """
    check_file("ITEMS", catalogue)
    table = TableFile(catalogue)
    title = find_column({name.lower(): name for name in table.columns}, TITLE_COLUMNS, catalogue)
    total = count_rows(table)
    if not total:
        raise ValueError(f"{catalogue.name} has no row: there is no item to read")
    builder = IndexBuilder(package, out, options)
    progress = CommandProgress(len(range(options.number - 1, total, options.count)), "rows")
    rows = islice(table.rows([title, *OPTIONAL]), options.number - 1, None, options.count)
    for batch in batch_rows(rows, BATCH):
        texts = read_texts(batch, title, builder.counts)
        if texts:
            builder.add(texts)
        progress.advance(len(batch))
    builder.finish()
    return builder.counts


def count_rows(table: TableFile) -> int:
    """Count a file's rows."""
    if table.kind == "parquet":
        with pq.ParquetFile(table.path) as file:
            return file.metadata.num_rows
    return sum(1 for _ in table.rows())


def read_texts(rows: list[TableRow], title: str, counts: IndexCounts) -> list[str]:
    """Return the texts of a batch's items, and count its rows."""
    texts = []
    for row in rows:
        counts.rows += 1
        try:
            texts.append(read_item_text(row, title))
        except ValueError as error:
            counts.skipped_rows += 1
            counts.first_fault = counts.first_fault or f"line {row.line}: {error}"
    return texts


def read_item_text(row: TableRow, title: str) -> str:
    """Return an item's text as a server has it.

    Raises:
        ValueError: the row is broken, or has no title.
    """
    if row.error:
        raise ValueError(row.error)
    text = to_text(row.values.get(title))
    if not text.strip():
        raise ValueError(f"{title} is empty")
    optional_texts, _ = read_optional_fields(row.values)
    return item_text({"title": text} | optional_texts)


def read_shard(text: str) -> tuple[int, int]:
    """Return number and count of a shard, `2/8`.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is no shard: give 1/8 to 8/8 to eight workers")
    return int(number), int(count)


def main(arguments: list[str]) -> int:
    """Read a catalogue ahead from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.scoring.index",
        description="Read a catalogue ahead, so that a server has the states of its items. Exit status: 0, every row "
        f"is read; 1, the catalogue or the package cannot be used; {INCOMPLETE}, some rows have no title.",
    )
    parser.add_argument("package", type=Path, help="folder of a package")
    parser.add_argument("items", type=Path, help="CSV, TSV, JSONL or Parquet: title, and brand, category, attributes")
    parser.add_argument("out", type=Path, help="folder of the index, the same for all versions")
    parser.add_argument("--shard", type=read_shard, default=(1, 1), help="2/8: this worker reads every eighth row")
    parser.add_argument("--precision", choices=PRECISIONS, default=INT8, help=f"of stored states; {INT8} by default")
    args = parser.parse_args(arguments)
    try:
        counts = index_catalogue(args.package, args.items, args.out, IndexOptions(*args.shard, args.precision))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if counts.first_fault:
        print(f"{args.items.name}, {counts.first_fault} (the first of the skipped rows)", file=sys.stderr)
    print(counts.sentence)
    return INCOMPLETE if counts.skipped_rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
