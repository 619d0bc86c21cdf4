"""Quepid's whole book: the JSON of its archive, with every judge's rating, and the fields that a judge sees.

A judgement without a rating says `unrateable` or `judge_later`: it is nobody's. Source: Quepid 8, a book's export.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.csv_records import TableRow
from components.formats.text_files import describe_rating, load_json, parse_rating

ANONYMOUS = "Anonymous"  # as Quepid's CSV heads a judge without a name


def read_whole_book(path: Path) -> Iterator[TableRow]:
    """Yield a row for each rating, and one for each pair that nobody rated.

    Raises:
        ValueError: the document has no list of pairs.
    """
    document = load_json(path)
    pairs = document.get("query_doc_pairs") if isinstance(document, dict) else None
    if not isinstance(pairs, list):
        raise ValueError(f"{path.name} has no list query_doc_pairs: give the JSON of a book's archive, unpacked")
    number = 0
    for index, pair in enumerate(pairs):
        for row in _list_rows(pair, f"query_doc_pairs[{index}]"):
            number += 1
            yield TableRow(number, row.values, row.error, row.text)


def _list_rows(pair: object, where: str) -> Iterator[TableRow]:
    """Yield a pair's rows, whose numbers are not known yet."""
    judgements = pair.get("judgements", []) if isinstance(pair, dict) else None
    if not isinstance(judgements, list) or not isinstance(pair.get("query_text"), str) or not pair.get("doc_id"):
        error = f"wrong type: {where} needs query_text, doc_id and a list judgements; export the book again"
        yield TableRow(0, error=error, text=json.dumps(pair)[:200])
        return
    names = {"query": pair["query_text"], "item_id": str(pair["doc_id"]), "title": read_title(pair)}
    ratings = [each for each in judgements if isinstance(each, dict) and each.get("rating") is not None]
    for judgement in ratings:
        rating = judgement["rating"]
        if parse_rating(rating) is None:
            yield TableRow(0, error=describe_rating(f"{where}.judgements.rating", rating), text=str(judgement)[:200])
        else:
            yield TableRow(0, names | {"label": str(rating), "rater": judgement.get("user_email") or ANONYMOUS})
    if not ratings:
        yield TableRow(0, names | {"label": None})


def read_title(pair: Mapping) -> str | None:
    """Return the title among the displayed fields, an object or its JSON text."""
    fields = pair.get("document_fields")
    if isinstance(fields, str):
        try:
            fields = json.loads(fields)
        except json.JSONDecodeError:
            return None
    title = fields.get("title") if isinstance(fields, dict) else None
    return title if isinstance(title, str) and title.strip() else None
