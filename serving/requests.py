"""What a caller may ask, checked field by field: whatever is wrong becomes one sentence that names the field."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from components import contracts

MAX_ITEMS = 1000
MAX_TEXT = 10_000  # characters of a query or of an item's field
MAX_NAME = 256  # characters of an id
TEXTS = ("title", "brand", "category", "attributes")
NUMBERS = ("price", "rating")


class Refused(ValueError):
    """The request cannot be answered as it is; the message says which field is wrong, and how."""


@dataclass(frozen=True)
class Ranking:
    """A query and what to rank for it: ids of known items, or the items themselves as `instances`."""

    query: str
    item_ids: tuple[str, ...]
    instances: tuple[dict, ...]
    query_id: str | None
    locale: str | None
    query_class: str | None
    user_id: str | None
    request_id: str | None
    page_size: int


def parse(payload) -> Ranking:
    """The request in a body, which is JSON as bytes or already decoded.

    Raises:
        Refused: anything is missing, of another type, too long, too many, or no Unicode.
    """
    body = parse_body(payload)
    if not isinstance(body, dict):
        raise Refused(f"the body is {_kind(body)}; give a JSON object with query and item_ids or instances")
    if ("item_ids" in body) == ("instances" in body):
        both = "both" if "item_ids" in body else "neither"
        raise Refused(f"the body has {both} of item_ids and instances; give exactly one")
    item_ids = _item_ids(body["item_ids"]) if "item_ids" in body else ()
    instances = _instances(body["instances"]) if "instances" in body else ()
    query_class = text(body, "query_class", MAX_NAME)
    if query_class is not None and query_class not in contracts.QUERY_CLASSES:
        raise Refused(f"query_class is {query_class!r}; give one of {', '.join(contracts.QUERY_CLASSES)}")
    return Ranking(
        query=text(body, "query", MAX_TEXT, needed=True),
        item_ids=item_ids or tuple(row["item_id"] for row in instances),
        instances=instances,
        query_class=query_class,
        page_size=_page_size(body.get("page_size"), len(item_ids or instances)),
        **{name: text(body, name, MAX_NAME) for name in ("query_id", "locale", "user_id", "request_id")},
    )


def text(row: Mapping, name: str, longest: int, needed: bool = False, place: str = "") -> str | None:
    """The text in a field, None where it is absent and not needed.

    Raises:
        Refused: it is needed and blank, no text, too long, or no Unicode.
    """
    value = row.get(name)
    if value is None and not needed:
        return None
    if value is None:
        raise Refused(f"{place}{name} is missing")
    if not isinstance(value, str):
        raise Refused(f"{place}{name} is {_kind(value)}; give a string")
    if needed and not value.strip():
        raise Refused(f"{place}{name} is blank")
    if len(value) > longest:
        raise Refused(f"{place}{name} has {len(value)} characters; at most {longest} are taken")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{place}{name} holds a lone surrogate at character {error.start}; send valid Unicode") from error
    return value


def parse_body(body):
    """What JSON bytes say; what is decoded already stays as it is.

    Raises:
        Refused: the bytes are no JSON.
    """
    if not isinstance(body, (bytes, bytearray)):
        return body
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(f"the body is not JSON: {error}") from error


def listed(value, name: str) -> list:
    """The list in a field.

    Raises:
        Refused: it is none, is empty, or is longer than MAX_ITEMS.
    """
    if not isinstance(value, list):
        raise Refused(f"{name} is {_kind(value)}; give a list")
    if not 1 <= len(value) <= MAX_ITEMS:
        raise Refused(f"{name} has {len(value)} entries; give 1 to {MAX_ITEMS}")
    return value


def _item_ids(value) -> tuple[str, ...]:
    entries = listed(value, "item_ids")
    ids = tuple(text({f"item_ids[{n}]": entry}, f"item_ids[{n}]", MAX_NAME, True) for n, entry in enumerate(entries))
    return _distinct(ids, "item_ids")


def _instances(value) -> tuple[dict, ...]:
    rows = tuple(_instance(entry, f"instances[{n}]", n) for n, entry in enumerate(listed(value, "instances")))
    _distinct(tuple(row["item_id"] for row in rows), "instances")
    return rows


def _instance(entry, place: str, number: int) -> dict:
    if not isinstance(entry, dict):
        raise Refused(f"{place} is {_kind(entry)}; give an object with a title")
    row = {name: text(entry, name, MAX_TEXT, name == "title", f"{place}.") for name in TEXTS}
    row |= {name: _finite(entry.get(name), f"{place}.{name}") for name in NUMBERS}
    return row | {"item_id": text(entry, "item_id", MAX_NAME, place=f"{place}.") or str(number)}


def _distinct(ids: tuple[str, ...], name: str) -> tuple[str, ...]:
    seen = set()
    for item_id in ids:
        if item_id in seen:
            raise Refused(f"{name} names the item {item_id!r} twice")
        seen.add(item_id)
    return ids


def _finite(value, place: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{place} is {_kind(value)}; give a number")
    if not math.isfinite(value):
        raise Refused(f"{place} is {value}; give a finite number")
    return float(value)


def _page_size(value, items: int) -> int:
    if value is None:
        return items
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refused(f"page_size is {value if isinstance(value, int) else _kind(value)}; give a whole number from 1")
    return min(value, items)


def _kind(value) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")
