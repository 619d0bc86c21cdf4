"""Sources of judgements: one file of rows whose columns may have other names than ours, and what other tools write."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components import s3_addresses
from components.csv_records import TableRow
from components.formats.catalogue import add_texts, find_files, read_catalogue
from components.formats.esci import find_examples
from components.formats.guess import guess_format
from components.formats.registry import FORMATS, read_format
from components.formats.trec import read_queries
from components.judgements.columns import (
    NAMES,
    REQUIRED,
    check_columns,
    check_kind,
    match_columns,
    part_raters,
    rater_columns,
    rename,
)
from components.tabular import TableFile


@dataclass
class Source:
    """The rows of a source by our names, with notes for a person."""

    name: str
    rows: Iterator[TableRow]
    scale: str = ""  # of its labels, where its format has one
    notes: list[str] = field(default_factory=list)


def download_source(source: str, folder: Path) -> Path:
    """Return the local path of a source, downloaded to `folder` if it is on S3.

    A single file is named itself, several are their folder.

    Raises:
        FileNotFoundError: S3 holds nothing at the address.
    """
    if not s3_addresses.is_address(source):
        return Path(source)
    files = s3_addresses.download(source, folder)
    return files[0] if len(files) == 1 else folder


def parse_columns(text: str) -> dict[str, str]:
    """Read "query=q,title=name" into our name -> their name.

    Raises:
        ValueError: a part without "=", or a name that is not one of ours.
    """
    columns = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = part.partition("=")
        if not equals or not theirs or ours not in NAMES:
            raise ValueError(
                f"--columns, column {part!r}: write OUR_NAME=THEIR_NAME, ours being one of {', '.join(NAMES)}"
            )
        columns[ours] = theirs
    return columns


def open_source(path: Path, columns: Mapping[str, str], required_columns: Sequence[str] = REQUIRED) -> Source:
    """Open one file of rows, what another tool wrote, or a folder.

    `required_columns` are the columns that a file of rows has to have.

    Raises:
        FileNotFoundError: nothing is at the path.
        ValueError: a kind of file that is not read, or columns that are missing.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path.name} does not exist")
    name = "table" if columns and path.is_file() else guess_format(path)
    if name == "folder":
        return open_folder(path, columns)
    return open_table(path, columns, required_columns) if name == "table" else open_format(path, name)


def open_format(path: Path, name: str) -> Source:
    """Open what another tool wrote.

    Raises:
        ValueError: the format holds ids alone, or the file is not of the format.
    """
    if "title" not in FORMATS[name].keeps:
        raise ValueError(
            f"{path.name} ({name}) has no titles: join them from your catalogue by id. Give a folder that holds this "
            "file, the catalogue as items.csv (item_id, title) and, for qrels, the queries as queries.tsv"
        )
    if FORMATS[name].is_ranking:
        raise ValueError(f"{path.name} ({name}) is a ranking, and has no labels: give a file of judgements")
    file_name = find_examples(path).name if name == "esci" else path.name
    return build_source(file_name, name, read_format(path, name, {}))


def open_folder(folder: Path, columns: Mapping[str, str]) -> Source:
    """Open a folder of judgements by id, a catalogue, and perhaps the queries' texts.

    Raises:
        ValueError: a file is missing or cannot be read.
    """
    files = find_files(folder)
    name = "table" if columns else guess_format(files.judgements)
    if FORMATS[name].is_ranking:
        raise ValueError(f"{files.judgements.name} ({name}) is a ranking, and has no labels: give judgements")
    if "query" not in FORMATS[name].keeps and not files.queries:
        raise ValueError(f"{files.judgements.name} ({name}) has no query texts: add queries.tsv (id, tab, query)")
    queries = read_queries(files.queries) if files.queries else None
    rows = add_texts(read_format(files.judgements, name, columns), read_catalogue(files.catalogue), queries)
    return build_source(files.judgements.name, name, rows)


def build_source(file_name: str, name: str, rows: Iterator[TableRow]) -> Source:
    """Return a source of a format's rows, with notes on how it is read."""
    names = {name: name for name in NAMES}
    notes = [f"{file_name}: read as {name}"] if name not in ("esci", "table") else []
    if scale := FORMATS[name].scale:
        notes = [f"{file_name}: read as {name}, labels as {scale} unless --labels says another scale"]
    return Source(file_name, (rename(row, names) for row in rows), scale, notes)


def open_table(path: Path, columns: Mapping[str, str], required_columns: Sequence[str] = REQUIRED) -> Source:
    """Open one file of rows.

    Raises:
        ValueError: a kind of file that is not read, or columns that are missing.
    """
    check_kind(path)
    table = TableFile(path)
    check_columns(table, columns, required_columns)
    names = match_columns(columns, table)
    raters = rater_columns(names["label"], table)
    table_rows = table.rows([*names.values(), *raters])
    if raters:
        rows = (rating for row in table_rows for rating in part_raters(row, names, raters))
    else:
        rows = (rename(row, names) for row in table_rows)
    return Source(path.name, rows, notes=table.notes)
