"""Which format a file or a folder has, by what is in it and never by its name alone."""

from itertools import islice
from pathlib import Path

from components.formats.quepid import DETAILED, HEADER, SNAPSHOT
from components.formats.releases import HOME_DEPOT_FILE, WANDS_FILES
from components.formats.text_files import decode, load_json, open_csv, parse_rating, read_lines
from components.formats.trec import QRELS_CELLS, RUN_CELLS

HOME_DEPOT_COLUMNS = ("product_uid", "search_term", "relevance")
OUR_COLUMNS = {"title", "label", "query_id", "item_id", "locale", "split", "brand", "category", "score"}
PARQUET_MARK = b"PAR1"
FIRST_LINES = 20


def guess_format(path: Path) -> str:
    """Return the name of a format, "table" for rows of any other file.

    "folder" is one of ids with a catalogue.

    Raises:
        ValueError: a JSON document that is none of theirs.
    """
    if path.is_dir():
        return _guess_folder(path)
    with open(path, "rb") as file:
        mark = file.read(len(PARQUET_MARK))
    if mark == PARQUET_MARK or path.suffix.lower() in (".parquet", ".jsonl", ".ndjson"):
        return "table"
    if path.suffix.lower() == ".json" or mark.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return guess_json(path)
    return _guess_header(path) or _guess_cells(path) or "table"


def _guess_folder(folder: Path) -> str:
    names = {path.name for path in folder.iterdir()}
    if set(WANDS_FILES) <= names:
        return "wands"
    if HOME_DEPOT_FILE in names and set(HOME_DEPOT_COLUMNS) <= set(open_csv(folder / HOME_DEPOT_FILE).columns):
        return "home-depot"
    is_release = any(name.endswith(".parquet") and "examples" in name for name in names)
    return "esci" if is_release else "folder"


def guess_json(path: Path) -> str:
    """Return the format of a JSON document.

    Raises:
        ValueError: it is none that is read; the sentence says what to do.
    """
    if len(decode(path).splitlines()) > 1 and decode(path).lstrip().split("\n")[0].rstrip().endswith("}"):
        return "table"  # JSON lines
    document = load_json(path)
    names = set(document) if isinstance(document, dict) else set()
    if {"judgmentRatings", "hits"} & names:
        return "srw"
    if "requests" in names:
        return "rank-eval"
    if "query_doc_pairs" in names:
        return "quepid-whole-book"
    raise ValueError(
        f"{path.name} is none of the JSON documents that are read: judgmentRatings of the Search Relevance Workbench, "
        "requests of _rank_eval; write nested JSON as one row a pair, with query, title and label"
    )


def _guess_header(path: Path) -> str:
    columns = [name.lower() for name in open_csv(path).columns]
    names = set(columns)
    if tuple(columns) == HEADER:
        return "quepid"
    if set(SNAPSHOT) <= names:
        return "quepid-snapshot"
    if set(DETAILED) <= names:
        return "quepid-detailed"
    if set(HOME_DEPOT_COLUMNS) <= names:
        return "home-depot"
    is_book = tuple(columns[:2]) == HEADER[:2] and len(columns) > 2 and not names & OUR_COLUMNS
    return "quepid-book" if is_book else ""


def _guess_cells(path: Path) -> str:
    """Return the format of a file without a header, "" where it has none."""
    lines = [line for _, line in islice(read_lines(path), FIRST_LINES)]
    cells = [line.split() for line in lines]
    if lines and all(len(row) == QRELS_CELLS and parse_rating(row[3]) is not None for row in cells):
        return "qrels"
    if lines and all(len(row) == RUN_CELLS and parse_rating(row[4]) is not None for row in cells):
        return "run"
    fields = [line.rsplit(",", 1) for line in lines]
    is_rated = all(
        len(row) == 2 and row[0].count(",") and parse_rating(row[1].strip('" ')) is not None for row in fields
    )
    return "srw-csv" if lines and is_rated else ""
