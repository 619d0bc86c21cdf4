"""Quepid's CSV files: ratings (basic, snapshot, detailed), a book's judgements, and snapshots of rankings.

The server writes the basic forms and books, the browser the detailed form and snapshots. Both put a blank before a
query that begins as a formula does; the browser doubles quotation marks in fields that it does not enclose.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from components.csv_records import TableRow
from components.formats.text_files import describe_rating, open_csv, parse_rating

HEADER = ("query", "docid", "rating")
FORMULA_STARTS = (" =", " +", " -", " @")
DETAILED = ("query text", "doc id", "rating")
SNAPSHOT = ("snapshot name", "query text", "doc id", "doc position")
QUERY_WITHOUT_ITEMS_CELLS = 4  # of a detailed export
LONGEST_ID = 500  # characters that Quepid holds


def read_ratings(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a basic export, of a case or of a snapshot.

    An empty rating is nobody's, and a row without a document names a query alone.
    """
    for row in open_csv(path).rows():
        yield row if row.error else _read_rating(row, fold(row.values), HEADER)


def read_detailed(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a detailed export, with title and position."""
    for row in open_csv(path).rows():
        if row.error.startswith(f"wrong number of fields: {QUERY_WITHOUT_ITEMS_CELLS},"):
            yield TableRow(row.line, {"query": unguard(row.text.split(",")[-1].strip('"'))})
        elif row.error:
            yield row
        else:
            values = {name: halve_quotes(value) for name, value in fold(row.values).items()}
            extra = {"title": values.get("title") or None, "position": values.get("doc position") or None}
            yield _read_rating(row, values, DETAILED, extra)


def read_snapshot(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a browser's snapshot, which is a ranking and has no ratings."""
    for row in open_csv(path).rows():
        if row.error:
            yield row
            continue
        values = {name: halve_quotes(value) for name, value in fold(row.values).items()}
        fields = {"query": unguard(values["query text"]), "item_id": values["doc id"] or None}
        yield TableRow(row.line, fields | {"position": values["doc position"] or None})


def read_book(path: Path) -> Iterator[TableRow]:
    """Yield a row for each rating of a book, whose judges have a column each."""
    table = open_csv(path, keeps_duplicates=True)
    judges = [name for name in table.columns if name.lower() not in HEADER[:2]]
    for row in table.rows():
        if row.error:
            yield row
            continue
        ratings = {judge: row.values[judge] for judge in judges if row.values[judge].strip()}
        values = fold(row.values)
        for judge, rating in ratings.items():
            yield _read_rating(row, values | {"rating": rating}, HEADER, {"rater": judge})
        if not ratings:
            yield _read_rating(row, values | {"rating": ""}, HEADER)


def _read_rating(row: TableRow, values: Mapping, names: tuple[str, str, str], extra: Mapping | None = None) -> TableRow:
    query, item_id, rating = (values[name] for name in names)
    if rating.strip() and parse_rating(rating) is None:
        return TableRow(row.line, error=describe_rating("rating", rating), text=f"{query},{item_id},{rating}")
    fields = {"query": unguard(query), "item_id": item_id or None, "label": rating.strip() or None}
    return TableRow(row.line, fields | dict(extra or {}))


def fold(values: Mapping[str, str]) -> dict[str, str]:
    """Return values by their columns' names in small letters."""
    return {name.lower(): value for name, value in values.items()}


def unguard(text: str) -> str:
    """Return a query without the blank that keeps spreadsheets from running it."""
    return text[1:] if text.startswith(FORMULA_STARTS) else text


def halve_quotes(text: str) -> str:
    """Return a browser's field with single quotation marks."""
    return text.replace('""', '"')


def write_ratings(rows: Iterable[Mapping], path: Path) -> int:
    """Write a basic export, which Quepid imports, and return the number of ratings.

    Pairs without a rating have an empty one, and queries without items stand alone.
    """
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            rating = row["number"]
            writer.writerow([row["query"], row["item_id"] or "", "" if rating is None else repr(rating)])
            count += rating is not None
    return count
