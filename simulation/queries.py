"""The queries of the embedded marketplace: what a shopper types, and the hidden intent behind it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulation.catalogue import Item
from simulation.kinds import KINDS, Kind


@dataclass(frozen=True)
class Intent:
    """What is wanted: a kind or an accessory for it, perhaps of a brand or model, with or without an attribute.

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
    """A query with its intent; `query_class` is how often it is asked."""

    query_id: str
    text: str
    query_class: str
    kind_of_query: str
    intent: Intent


def generic(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    return draw.choice(kind.words), Intent(kind)


def branded(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    brand = draw.choice(kind.brands)
    return f"{brand.lower()} {draw.choice(kind.words)}", Intent(kind, brand=brand)


def attribute(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    name, value = an_attribute(kind, draw)
    return f"{value} {draw.choice(kind.words)}", Intent(kind, wants=(name, value))


def branded_attribute(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    (name, value), brand = an_attribute(kind, draw), draw.choice(kind.brands)
    return f"{brand.lower()} {draw.choice(kind.words)} {value}", Intent(kind, brand=brand, wants=(name, value))


def use_case(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    return draw.choice(kind.uses), Intent(kind)


def negation(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    name, value = an_attribute(kind, draw)
    return f"{draw.choice(kind.words)} {draw.choice(('not', 'without', 'no'))} {value}", Intent(
        kind, refuses=(name, value)
    )


def typo(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    text, intent = draw.choice((branded, generic, attribute))(kind, items, draw)
    at = draw.randrange(1, max(2, len(text) - 2))  # the shortest words have three letters
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return (swapped if draw.random() < 0.6 else text[:at] + text[at + 1 :]), intent


def by_model(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    item = draw.choice([item for item in items if item.kind is kind and not item.part])
    return f"{item.brand.lower()} {item.model.lower()}", Intent(kind, brand=item.brand, model=item.model)


def for_a_part(kind: Kind, items: list[Item], draw: random.Random) -> tuple[str, Intent]:
    if not kind.parts:
        return generic(kind, items, draw)
    part, brand = draw.choice(kind.parts), draw.choice(kind.brands)
    return f"{part} for {brand.lower()} {draw.choice(kind.words)}", Intent(kind, part=part, brand=brand)


def an_attribute(kind: Kind, draw: random.Random) -> tuple[str, str]:
    """An attribute of the kind and one of its values."""
    name = draw.choice(list(kind.varies))
    return name, draw.choice(kind.varies[name])


# how often each kind of query is asked for, and the class that its frequency puts it in
KINDS_OF_QUERY: tuple[tuple[Callable, str, float], ...] = (
    (generic, "head", 0.10),
    (branded, "torso", 0.20),
    (attribute, "torso", 0.20),
    (branded_attribute, "tail", 0.14),
    (use_case, "tail", 0.08),
    (negation, "tail", 0.10),
    (typo, "tail", 0.08),
    (by_model, "tail", 0.06),
    (for_a_part, "tail", 0.04),
)


def queries(count: int, items: list[Item], draw: random.Random) -> list[Query]:
    """`count` different queries over all kinds, in the shares above."""
    makers, classes, shares = zip(*KINDS_OF_QUERY, strict=True)
    found: dict[str, Query] = {}
    tries = 0
    while len(found) < count:
        tries += 1
        if tries > 200 * count:
            raise ValueError(f"{count} different queries cannot be made of {len(items)} items: ask for fewer")
        (index,) = draw.choices(range(len(makers)), shares)
        text, intent = makers[index](KINDS[tries % len(KINDS)], items, draw)
        if text not in found:
            name = f"q{len(found):04d}"
            found[text] = Query(name, text, classes[index], makers[index].__name__, intent)
    return list(found.values())
