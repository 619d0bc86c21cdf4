"""Items with hidden attributes, and what their sellers show: often no category, and words of their own for values."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.catalogue import FILLER, draw_price_and_rating
from simulation.knowledge.shop import Kind, RuleBook

PART_SHARE = 0.15
UNFILED_SHARE = 0.4  # of items, without their category
TITLE_SHARE = 0.5  # of an item's values, named in its title
LIST_SHARE = 0.7  # listed as attributes
PARAPHRASED_SHARE = 0.4  # of shown values, in the seller's words
PART_MAKERS = ("Fitwell", "Partico", "Addora")


@dataclass(frozen=True)
class Item:
    """An item: its hidden attributes, and what its seller shows."""

    item_id: str
    kind: Kind
    brand: str
    title: str
    category: str | None  # None: not filed
    listed_attributes: str
    price: float
    rating: float
    part: str = ""  # "" for the thing itself, otherwise which part for it this is
    series: str = ""  # of the thing; of a part, the one it is made for
    fits_brand: str = ""  # of a part
    model: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    page_values: Mapping[str, str] = field(default_factory=dict)  # attribute -> as the page says it, where it does


def generate_catalogue(count: int, kinds: list[Kind], rules: RuleBook, draw: random.Random) -> list[Item]:
    """Generate items over all kinds, about one in seven of them a part."""
    kinds_with_parts = [kind for kind in kinds if kind.parts]
    items = []
    for number in range(count):
        if draw.random() < PART_SHARE:
            items.append(generate_part(number, draw.choice(kinds_with_parts), draw))
        else:
            items.append(generate_item(number, kinds[number % len(kinds)], rules, draw))
    return items


def generate_item(number: int, kind: Kind, rules: RuleBook, draw: random.Random) -> Item:
    """Generate one item of a kind."""
    brand = draw.choice(list(kind.brands))
    series = draw.choice(kind.series) if kind.series else ""
    model = f"{draw.choice('ABDFKMRST')}{draw.randrange(100, 999)}"
    attributes = {name: draw.choice(values) for name, values in kind.attributes.items()}
    words = {name: show_value(value, rules, draw) for name, value in attributes.items()}
    in_title = [name for name in words if draw.random() < TITLE_SHARE]
    list_names = [name for name in words if draw.random() < LIST_SHARE]
    title = [brand, series, model, *(words[name] for name in in_title[:1]), draw.choice(kind.words)]
    title += [*(words[name] for name in in_title[1:]), draw.choice(FILLER)]
    price, rating = draw_price_and_rating(kind.price, draw)
    return Item(
        f"i{number:05d}",
        kind,
        brand,
        " ".join(word for word in title if word),
        kind.name if draw.random() > UNFILED_SHARE else None,
        "; ".join(f"{name}: {words[name]}" for name in list_names),
        price,
        rating,
        series=series,
        model=model,
        attributes=attributes,
        page_values={name: words[name] for name in words if name in in_title or name in list_names},
    )


def generate_part(number: int, kind: Kind, draw: random.Random) -> Item:
    """Generate one part, made for a brand's things, of one series where there are series."""
    part = draw.choice(kind.parts)
    fits_brand = draw.choice(list(kind.brands))
    series = draw.choice(kind.series) if kind.series else ""
    maker = draw.choice((*PART_MAKERS, fits_brand))
    made_for = " ".join(word for word in (fits_brand, series) if word)
    price, rating = draw_price_and_rating((4, max(8.0, kind.price[0] * 0.6)), draw)
    return Item(
        f"i{number:05d}",
        kind,
        maker,
        f"{maker} {draw.choice(FILLER)} {part} for {made_for} {draw.choice(kind.words)}",
        f"{kind.name} Accessories" if draw.random() > UNFILED_SHARE else None,
        f"made for: {made_for}",
        price,
        rating,
        part=part,
        series=series,
        fits_brand=fits_brand,
    )


def show_value(value: str, rules: RuleBook, draw: random.Random) -> str:
    """Return a value as a seller writes it: often in words of their own."""
    paraphrases = rules.paraphrases.get(value, ())
    return draw.choice(paraphrases) if paraphrases and draw.random() < PARAPHRASED_SHARE else value
