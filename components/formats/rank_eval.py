"""Requests of Elasticsearch's and OpenSearch's `_rank_eval`, whose queries are searches and seldom plain text."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.csv_records import TableRow
from components.formats.text_files import describe_rating, load_json, parse_rating

PARAMETERS = ("query_string", "query", "q", "user_query", "text")  # of a search template, that hold the text
TEXT_CLAUSES = ("match", "match_phrase", "match_bool_prefix")  # field -> text, or field -> {"query": text}


def read_requests(path: Path) -> Iterator[TableRow]:
    """Yield a row for each rating, numbered from 1. The index's name is not kept.

    Raises:
        ValueError: the file holds no requests.
    """
    document = load_json(path)
    requests = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(requests, list):
        raise ValueError(f"{path.name} has no list requests: give the body of a _rank_eval request")
    number = 0
    for index, request in enumerate(requests):
        where = f"requests[{index}]"
        ratings = request.get("ratings") if isinstance(request, dict) else None
        if not isinstance(ratings, list) or not isinstance(request.get("id"), (str, int)):
            number += 1
            yield TableRow(number, error=f"wrong type: {where} needs an id and a list ratings", text=str(request)[:200])
            continue
        query = {"query_id": str(request["id"]), "query": find_text(request)}
        for rating_index, rating in enumerate(ratings):
            number += 1
            yield _read_rating(number, f"{where}.ratings[{rating_index}]", query, rating)


def _read_rating(number: int, where: str, query: Mapping, rating: object) -> TableRow:
    if not isinstance(rating, dict) or not isinstance(rating.get("_id"), (str, int)):
        return TableRow(number, error=f"wrong type: {where} needs an _id and a rating", text=str(rating)[:200])
    value = rating.get("rating")
    if parse_rating(value) is None:
        return TableRow(number, error=describe_rating(f"{where}.rating", value), text=str(rating)[:200])
    return TableRow(number, {**query, "item_id": str(rating["_id"]), "label": str(value)})


def find_text(request: Mapping) -> str | None:
    """Return the text that a request searches, None where it is not one text.

    A template's parameters come first, then the one text of all clauses that search for text.
    """
    parameters = request.get("params")
    for name in PARAMETERS:
        if isinstance(parameters, dict) and isinstance(parameters.get(name), str):
            return parameters[name]
    texts = set(_list_texts(request.get("request")))
    return texts.pop() if len(texts) == 1 else None


def _list_texts(clause: object) -> Iterator[str]:
    """Yield every text that a clause of the search language looks for."""
    if isinstance(clause, list):
        for part in clause:
            yield from _list_texts(part)
    elif isinstance(clause, dict):
        for name, value in clause.items():
            if name in TEXT_CLAUSES and isinstance(value, dict):
                yield from (text for text in value.values() if isinstance(text, str))
            if name == "query" and isinstance(value, str):
                yield value
            yield from _list_texts(value)
