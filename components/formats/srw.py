"""Judgements of OpenSearch's Search Relevance Workbench: JSON of its API, and the CSV that Dashboards imports.

A rating is text that holds a number; since 3.1 ratings are a list a query, in the first previews a map.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from components.csv_records import TableRow
from components.formats.text_files import decode, describe_rating, load_json, parse_rating

IMPORT = "IMPORT_JUDGMENT"
CSV_HEADER = ["query", "docid", "rating"]


def read_json(path: Path) -> Iterator[TableRow]:
    """Yield a row for each rating of an import or export, numbered from 1.

    Raises:
        ValueError: the file holds no judgements; the sentence names the field.
    """
    number = 0
    for index, entry in enumerate(find_ratings(load_json(path), path.name)):
        for where, query, rating in _list_ratings(entry, f"judgmentRatings[{index}]"):
            number += 1
            yield _read_rating(number, where, query, rating)


def find_ratings(document: object, name: str) -> list:
    """Return the list `judgmentRatings` of an import's body or of an export.

    Raises:
        ValueError: there is none, or there are several.
    """
    hits = document.get("hits", {}).get("hits", []) if isinstance(document, dict) else []
    if len(hits) > 1:
        raise ValueError(f"{name}, hits.hits: {len(hits)} lists of judgements; export one, by its id")
    source = hits[0].get("_source", {}) if hits else document
    ratings = source.get("judgmentRatings") if isinstance(source, dict) else None
    if isinstance(ratings, dict):
        ratings = [{"query": query, "ratings": entries} for query, entries in ratings.items()]
    if not isinstance(ratings, list):
        raise ValueError(
            f"{name} has no list judgmentRatings: give the body of an import, or the answer of "
            "GET _plugins/_search_relevance/judgments/ID"
        )
    return ratings


def _list_ratings(entry: object, where: str) -> Iterator[tuple[str, object, object]]:
    """Yield field, query and rating of a query's ratings, or a broken entry."""
    ratings = entry.get("ratings") if isinstance(entry, dict) else None
    if not isinstance(ratings, list):
        yield where, None, entry
        return
    for index, rating in enumerate(ratings):
        yield f"{where}.ratings[{index}]", entry.get("query"), rating
    if not ratings:
        yield where, entry.get("query"), {}


def _read_rating(number: int, where: str, query: object, rating: object) -> TableRow:
    text = json.dumps(rating, ensure_ascii=False)[:200]
    if not isinstance(query, str) or not isinstance(rating, dict):
        remedy = 'write {"query": TEXT, "ratings": [{"docId": ID, "rating": "3.0"}]}'
        return TableRow(number, error=f"wrong type: {where}; {remedy}", text=text)
    item_id = rating.get("docId")
    value = rating.get("rating")
    if rating and not isinstance(item_id, (str, int)):
        return TableRow(number, error=f"wrong type: {where}.docId is {item_id!r}; write a text", text=text)
    if rating and parse_rating(value) is None:
        return TableRow(number, error=describe_rating(f"{where}.rating", value), text=text)
    return TableRow(number, {"query": query, "item_id": item_id and str(item_id), "label": value and str(value)})


def read_csv(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a CSV for Dashboards, with a header or without."""
    reader = csv.reader(io.StringIO(decode(path), newline=""), strict=True)
    while (line := reader.line_num + 1) and (cells := next(reader, None)) is not None:
        if not any(cells) or (line == 1 and [cell.strip().lower() for cell in cells] == CSV_HEADER):
            continue
        text = ",".join(cells)
        if len(cells) != len(CSV_HEADER) or not all(cells):
            error = f"wrong number of fields: {sum(map(bool, cells))} filled, where query, docid and rating are needed"
            yield TableRow(line, error=error, text=text)
        elif parse_rating(cells[2]) is None:
            yield TableRow(line, error=describe_rating("rating", cells[2]), text=text)
        else:
            yield TableRow(line, dict(zip(("query", "item_id", "label"), cells, strict=True)))


def write_json(rows: Iterable[Mapping], path: Path, name: str) -> int:
    """Write the body of an import, and return the number of ratings.

    Ratings are written as text, which every version reads.
    """
    ratings = []
    for query, query_rows in groupby(rows, key=lambda row: row["query"]):
        entries = [{"docId": row["item_id"], "rating": repr(row["number"])} for row in query_rows]
        ratings.append({"query": query, "ratings": entries})
    document = {"name": name, "type": IMPORT, "judgmentRatings": ratings}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return sum(len(entry["ratings"]) for entry in ratings)
