"""The queries of the embedded marketplace: a shopper's text and the hidden intent behind it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulation.catalogue import Item
from simulation.kinds import KINDS, Kind


@dataclass(frozen=True)
class Intent:
    """A wish for a kind of item or accessory, perhaps of a brand.

    Attributes are (name, value).
    """

    kind: Kind
    part: str = ""
    brand: str = ""
    model: str = ""
    wants: tuple[str, str] | None = None
    refuses: tuple[str, str] | None = None


@dataclass(frozen=True)
class Query:
    """A query with its intent."""

    query_id: str
    text: str
    query_class: str  # by how often it is searched
    intent: Intent


def search_by_kind(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    return draw.choice(kind.words), Intent(kind)


def search_by_brand(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    brand = draw.choice(kind.brands)
    return f"{brand.lower()} {draw.choice(kind.words)}", Intent(kind, brand=brand)


def search_by_attribute(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    name, value = draw_attribute(kind, draw)
    return f"{value} {draw.choice(kind.words)}", Intent(kind, wants=(name, value))


def search_by_brand_and_attribute(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    name, value = draw_attribute(kind, draw)
    brand = draw.choice(kind.brands)
    return f"{brand.lower()} {draw.choice(kind.words)} {value}", Intent(kind, brand=brand, wants=(name, value))


def search_by_use(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    return draw.choice(kind.uses), Intent(kind)


def search_without_attribute(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    name, value = draw_attribute(kind, draw)
    return f"{draw.choice(kind.words)} {draw.choice(('not', 'without', 'no'))} {value}", Intent(
        kind, refuses=(name, value)
    )


def search_with_typo(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    text, intent = draw.choice((search_by_brand, search_by_kind, search_by_attribute))(kind, items, draw)
    at = draw.randrange(1, max(2, len(text) - 2))  # the shortest words have three letters
    if draw.random() < 0.6:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :], intent
    return text[:at] + text[at + 1 :], intent


def search_by_model(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    item = draw.choice([item for item in items if item.kind is kind and not item.part])
    return f"{item.brand.lower()} {item.model.lower()}", Intent(kind, brand=item.brand, model=item.model)


def search_for_part(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    if not kind.parts:
        return search_by_kind(kind, items, draw)
    part = draw.choice(kind.parts)
    brand = draw.choice(kind.brands)
    return f"{part} for {brand.lower()} {draw.choice(kind.words)}", Intent(kind, part=part, brand=brand)


def draw_attribute(kind: Kind, draw: random.Random) -> tuple[str, str]:
    """Draw an attribute of the kind and one of its values."""
    name = draw.choice(list(kind.varies))
    return name, draw.choice(kind.varies[name])


# the share of each kind of query, and the class that its frequency puts it in
QUERY_KINDS: tuple[tuple[Callable, str, float], ...] = (
    (search_by_kind, "head", 0.10),
    (search_by_brand, "torso", 0.20),
    (search_by_attribute, "torso", 0.20),
    (search_by_brand_and_attribute, "tail", 0.14),
    (search_by_use, "tail", 0.08),
    (search_without_attribute, "tail", 0.10),
    (search_with_typo, "tail", 0.08),
    (search_by_model, "tail", 0.06),
    (search_for_part, "tail", 0.04),
)


def generate_queries(count: int, items: list[Item], draw: random.Random) -> list[Query]:
    """Generate different queries over all kinds of items, in the shares above.

    Raises:
        ValueError: there are not so many.
    """
    searches, classes, shares = zip(*QUERY_KINDS, strict=True)
    queries: dict[str, Query] = {}
    tries = 0
    while len(queries) < count:
        tries += 1
        if tries > 200 * count:
            raise ValueError(f"{count} different queries cannot be made of {len(items)} items: ask for fewer")
        (index,) = draw.choices(range(len(searches)), shares)
        text, intent = searches[index](KINDS[tries % len(KINDS)], items, draw)
        if text not in queries:
            queries[text] = Query(f"q{len(queries):04d}", text, classes[index], intent)
    return list(queries.values())
