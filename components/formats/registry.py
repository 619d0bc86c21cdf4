"""Every format by its name: what it holds, what it can say, and how it is read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.csv_records import TableRow
from components.formats import esci, quepid, quepid_book, rank_eval, releases, srw, trec
from components.formats.table import FIELDS, read_table

QUERY_ITEM = frozenset(["query", "item_id"])
IDS = frozenset(["query_id", "item_id"])


@dataclass(frozen=True)
class Format:
    """What a format is: for --help, for reading, and for naming what a conversion loses."""

    summary: str
    keeps: frozenset[str]  # fields besides the rating or the score
    read: Callable[[Path], Iterator[TableRow]] | None = None
    scale: str = ""  # of --labels, where the format has one
    keeps_unrated: bool = False
    keeps_fractions: bool = True
    is_ranking: bool = False


FORMATS = {
    "quepid": Format(
        "CSV query,docid,rating: Quepid's basic export, with a snapshot's empty ratings; what Quepid imports",
        QUERY_ITEM,
        quepid.read_ratings,
        keeps_unrated=True,
    ),
    "quepid-detailed": Format(
        "CSV of Quepid's detailed export, with titles", QUERY_ITEM | {"title", "position"}, quepid.read_detailed
    ),
    "quepid-book": Format("CSV of a Quepid book, a column a judge", QUERY_ITEM | {"rater"}, quepid.read_book),
    "quepid-whole-book": Format(
        "JSON of a Quepid book's archive, unpacked", QUERY_ITEM | {"rater", "title"}, quepid_book.read_whole_book
    ),
    "quepid-snapshot": Format(
        "CSV of a Quepid snapshot, a ranking", QUERY_ITEM | {"position"}, quepid.read_snapshot, is_ranking=True
    ),
    "srw": Format("JSON of the Search Relevance Workbench, an import's body or an export", QUERY_ITEM, srw.read_json),
    "srw-csv": Format("CSV for the Workbench's Dashboards, with or without a header", QUERY_ITEM, srw.read_csv),
    "qrels": Format("TREC qrels: QUERY 0 ITEM RATING", IDS, trec.read_qrels, keeps_fractions=False),
    "run": Format("TREC run: QUERY Q0 ITEM RANK SCORE NAME", IDS | {"position"}, trec.read_run, is_ranking=True),
    "rank-eval": Format("JSON of _rank_eval", IDS | QUERY_ITEM, rank_eval.read_requests, keeps_fractions=False),
    "wands": Format(
        "folder of WANDS: label.csv, query.csv, product.csv",
        frozenset(FIELDS),
        releases.read_wands,
        scale="exact-partial-irrelevant",
    ),
    "home-depot": Format(
        "Home Depot's train.csv, or its folder with attributes.csv",
        frozenset(FIELDS),
        releases.read_home_depot,
        scale="1-3",
    ),
    "esci": Format("folder of ESCI's release, two Parquet files", frozenset(FIELDS), esci.read_esci),
    "table": Format(
        "our own rows, CSV, TSV, JSON lines or Parquet: judgements, or predictions with a score",
        frozenset(FIELDS),
        keeps_unrated=True,
    ),
}
WRITABLE = ("quepid", "srw", "qrels", "run", "table")


def read_format(path: Path, name: str, columns: Mapping[str, str]) -> Iterator[TableRow]:
    """Yield a file's rows by our names. `columns` counts for our own rows alone.

    Raises:
        ValueError: the file is not of this format.
    """
    read = FORMATS[name].read
    return read_table(path, columns) if read is None else read(path)
