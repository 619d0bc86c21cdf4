"""Convert files of judgements and rankings between formats: `python -m components.judgements.convert --help`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.csv_records import TableRow
from components.formats.catalogue import add_texts, find_files, read_catalogue
from components.formats.guess import guess_format
from components.formats.registry import FORMATS, WRITABLE, read_format
from components.formats.table import FIELDS, choose_kind
from components.formats.trec import read_queries, write_queries
from components.input_paths import check_file, check_path
from components.judgements.conversion import Conversion, Target, describe_counts, write_pairs
from components.judgements.labels import PRESETS
from components.judgements.pairs import Pairs, collect_pairs
from components.tabular import KINDS

MOST_PROBLEMS = 5  # that are printed
EXAMPLES = """examples:
  a case of Quepid's as qrels, which hold ids alone (the texts go to OUT.queries.tsv):
    python -m components.judgements.convert ratings.csv qrels.txt --to qrels
  qrels for the Search Relevance Workbench, which needs the queries' texts:
    python -m components.judgements.convert qrels.txt srw.json --to srw --queries qrels.txt.queries.tsv
  a book of Quepid's for `make run RUN="--judgements pairs.csv --labels 0-3"`, which needs titles:
    python -m components.judgements.convert book.csv pairs.csv --catalogue items.csv
  our predictions as a run, and means of 1 to 3 as whole grades:
    python -m components.judgements.convert predictions.parquet run.txt --to run
    python -m components.judgements.convert train.csv qrels.txt --to qrels --labels 1-3 --grades 0-3
"""


@dataclass(frozen=True)
class Texts:
    """Where a source's texts lie besides the source, and how its columns are named."""

    catalogue: Path | None = None
    queries: Path | None = None
    columns: dict[str, str] = field(default_factory=dict)


def open_rows(source: Path, name: str, texts: Texts) -> Iterator[TableRow]:
    """Yield a source's rows with all texts that can be told.

    Raises:
        ValueError: a file is not of its format, or cannot be read.
    """
    if name == "folder":
        files = find_files(source)
        source = files.judgements
        name = guess_format(source)
        texts = Texts(texts.catalogue or files.catalogue, texts.queries or files.queries, texts.columns)
    rows = read_format(source, name, texts.columns)
    items = read_catalogue(texts.catalogue) if texts.catalogue else None
    queries = read_queries(texts.queries) if texts.queries else None
    return add_texts(rows, items, queries)


def convert(source: Path, name: str, texts: Texts, target: Target) -> Conversion:
    """Write a source in the target's format.

    Raises:
        ValueError: the source cannot be read, or nothing of it can be written.
    """
    pairs = collect_pairs(open_rows(source, name, texts), "rater" in FORMATS[target.name].keeps)
    result = write_pairs(pairs, target)
    if target.name in ("qrels", "run"):
        write_texts(pairs, target, result)
    return result


def write_texts(pairs: Pairs, target: Target, result: Conversion) -> None:
    """Write the queries' texts beside a file that holds ids alone."""
    path = target.path.with_name(target.path.name + ".queries.tsv")
    if any(row["query"] for row in pairs.rows):
        count = write_queries(pairs.rows, path)
        result.notes.append(f"{path.name} holds the texts of {count:,} queries")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, ending the process with a sentence where it is wrong."""
    formats = "".join(f"  {name:16} {entry.summary}\n" for name, entry in FORMATS.items())
    parser = argparse.ArgumentParser(
        prog="python -m components.judgements.convert",
        description="Convert judgements and rankings between formats, and print what is lost.",
        epilog=f"formats, guessed from content where --from is left out:\n{formats}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="IN", help="a file, or the folder of a release")
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write")
    parser.add_argument("--from", dest="source_format", choices=[*FORMATS], help="default: guessed from content")
    parser.add_argument("--to", dest="out_format", choices=WRITABLE, help="default: srw for .json, else table")
    parser.add_argument("--catalogue", type=Path, help="a table with item_id and title, for sources of ids alone")
    parser.add_argument("--queries", type=Path, help="lines of query id, tab, query, for sources without texts")
    parser.add_argument("--columns", default="", help="of our own rows, as query=q,item_id=sku,label=grade")
    scales = ", ".join(filter(None, PRESETS))
    parser.add_argument("--labels", default="", help=f"make numbers labels first: {scales}, or as 3=Exact,0=Irrelevant")
    parser.add_argument("--grades", default="0-3", help="numbers of labels: 0-3 (3, 2, 1, 0), gains (100, 10, 1, 0)")
    parser.add_argument("--name", default="broadfast", help="of the list or the run that is written")
    args = parser.parse_args(arguments)
    args.columns = parse_names(args.columns, parser)
    return args


def parse_names(text: str, parser: argparse.ArgumentParser) -> dict[str, str]:
    """Read `query=q,item_id=sku`, ending the process where it cannot be read."""
    columns = {}
    for part in filter(None, text.split(",")):
        ours, _, theirs = (piece.strip() for piece in part.partition("="))
        if ours not in FIELDS or not theirs:
            parser.error(f"--columns: {part!r}; write OUR_NAME=THEIR_NAME, ours being one of {', '.join(FIELDS)}")
        columns[ours] = theirs
    return columns


def choose_format(out: Path, name: str | None) -> str:
    """Return the format to write.

    Raises:
        ValueError: it cannot be told from the ending.
    """
    if name:
        return name
    if out.suffix.lower() == ".json":
        return "srw"
    if out.suffix.lower() in KINDS:
        return "table"
    raise ValueError(f"{out.name}: name the format to write with --to, one of {', '.join(WRITABLE)}")


def describe(result: Conversion, source: str, target: Target) -> Iterator[str]:
    """Yield what a person should know of a conversion."""
    yield f"read {source}: {describe_counts(result.counts)}"
    yield f"wrote {target.path.name} ({target.name}): {result.rows:,} rows, {result.queries:,} queries"
    yield "lost: " + ("; ".join(result.losses) or "nothing")
    yield from result.notes
    for problem in result.problems[:MOST_PROBLEMS]:
        yield f"set aside: {source}, {problem}"
    if len(result.problems) > MOST_PROBLEMS:
        yield f"set aside: {len(result.problems) - MOST_PROBLEMS:,} more"


def main(arguments: Sequence[str]) -> int:
    """Convert one source, and print what was read, written and lost."""
    args = parse_arguments(arguments)
    texts = Texts(args.catalogue, args.queries, args.columns)
    try:
        check_path("IN", args.source)
        for option, path in (("--catalogue", args.catalogue), ("--queries", args.queries)):
            if path:
                check_file(option, path)
        name = args.source_format or ("table" if args.columns else guess_format(args.source))
        out_format = choose_format(args.out, args.out_format)
        kind = choose_kind(args.out) if out_format == "table" else ""
        target = Target(args.out, out_format, args.labels, args.grades, args.name, kind)
        for line in describe(convert(args.source, name, texts, target), f"{args.source.name} ({name})", target):
            print(line)
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
