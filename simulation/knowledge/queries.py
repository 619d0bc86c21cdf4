"""Queries of the marketplace of knowledge: a shopper's text, and the hidden intent behind it."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from simulation.knowledge.catalogue import Item
from simulation.knowledge.shop import Kind, RuleBook


@dataclass(frozen=True)
class Intent:
    """A wish for a kind of item, or a part for one."""

    kind: Kind
    use: str = ""  # in place of the kind's name
    needs: dict[str, str] = field(default_factory=dict)  # attribute -> value that the use implies
    wants: dict[str, str] = field(default_factory=dict)  # attribute -> value that the text asks for
    refuses: dict[str, str] = field(default_factory=dict)
    brand: str = ""
    tier: str = ""  # premium or budget
    model: str = ""
    part: str = ""
    series: str = ""  # of the shopper's thing, where a part for it is searched


@dataclass(frozen=True)
class Query:
    """A query with its intent."""

    query_id: str
    text: str
    query_class: str  # by how often it is searched
    intent: Intent


def search_by_kind(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    return draw.choice(kind.words), Intent(kind)


def search_by_brand(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    brand = draw.choice(list(kind.brands))
    return f"{brand.lower()} {draw.choice(kind.words)}", Intent(kind, brand=brand)


def search_by_value(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    name, value = draw_value(kind, draw)
    return f"{value} {draw.choice(kind.words)}", Intent(kind, wants={name: value})


def search_by_two(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    names = draw.sample(list(kind.attributes), 2)
    wants = {name: draw.choice(kind.attributes[name]) for name in names}
    first, second = wants.values()
    return f"{first} {draw.choice(kind.words)} {second}", Intent(kind, wants=wants)


def search_by_use(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    if not kind.uses:
        return search_by_kind(kind, items, rules, draw)
    use = draw.choice(list(kind.uses))
    return use, Intent(kind, use=use, needs=kind.uses[use])


def search_by_tier(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    tier = draw.choice(list(rules.tier_words))
    return f"{draw.choice(rules.tier_words[tier])} {draw.choice(kind.words)}", Intent(kind, tier=tier)


def search_without(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    name, value = draw_value(kind, draw)
    text = f"{draw.choice(kind.words)} {draw.choice(('not', 'without', 'no'))} {value}"
    return text, Intent(kind, refuses={name: value})


def search_by_model(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    things = [item for item in items if item.kind is kind and not item.part]
    if not things:
        return search_by_brand(kind, items, rules, draw)
    item = draw.choice(things)
    return f"{item.brand.lower()} {item.model.lower()}", Intent(kind, brand=item.brand, model=item.model)


def search_for_part(kind: Kind, items: Sequence[Item], rules: RuleBook, draw: random.Random) -> tuple[str, Intent]:
    if not kind.parts:
        return search_by_value(kind, items, rules, draw)
    part = draw.choice(kind.parts)
    brand = draw.choice(list(kind.brands))
    series = draw.choice(kind.series) if kind.series else ""
    text = " ".join(word for word in (part, "for", brand, series, draw.choice(kind.words)) if word).lower()
    return text, Intent(kind, part=part, brand=brand, series=series)


def draw_value(kind: Kind, draw: random.Random) -> tuple[str, str]:
    """Draw an attribute of the kind and one of its values, rather a feature."""
    name = draw.choice([*kind.attributes, *(["feature"] if "feature" in kind.attributes else [])])
    return name, draw.choice(kind.attributes[name])


# how a query is made, the class that its frequency puts it in, and its share
SEARCHES: tuple[tuple[Callable, str, float], ...] = (
    (search_by_kind, "head", 0.10),
    (search_by_brand, "torso", 0.13),
    (search_by_value, "torso", 0.20),
    (search_by_two, "tail", 0.12),
    (search_by_use, "tail", 0.16),
    (search_by_tier, "tail", 0.08),
    (search_without, "tail", 0.08),
    (search_by_model, "tail", 0.04),
    (search_for_part, "tail", 0.09),
)


def generate_queries(
    count: int, kind_weights: Mapping[Kind, float], items: Sequence[Item], rules: RuleBook, draw: random.Random
) -> list[Query]:
    """Generate different queries, of each kind as many as its weight says.

    Raises:
        ValueError: there are not so many.
    """
    searches, classes, shares = zip(*SEARCHES, strict=True)
    queries: dict[str, Query] = {}
    for _ in range(200 * count):
        (index,) = draw.choices(range(len(searches)), shares)
        (kind,) = draw.choices(list(kind_weights), kind_weights.values())
        text, intent = searches[index](kind, items, rules, draw)
        if text not in queries:
            queries[text] = Query(f"q{len(queries):04d}", text, classes[index], intent)
        if len(queries) == count:
            return list(queries.values())
    raise ValueError(f"{count} different queries cannot be made of {len(kind_weights)} kinds: ask for fewer")
