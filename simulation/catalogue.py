"""The catalogue of the embedded marketplace: items with hidden attributes, and what their sellers show of them."""

import random
from dataclasses import dataclass

from simulation.kinds import COLORS, KINDS, Kind

FILLER = ("new", "classic", "premium", "everyday", "pro", "lightweight", "2nd generation", "for men and women", "gift")


@dataclass(frozen=True)
class Item:
    """An item with its hidden attributes, and the text that its seller shows."""

    item_id: str
    kind: Kind
    part: str  # "" for the thing itself, otherwise which accessory for it this is
    brand: str
    model: str
    attributes: dict[str, str]
    title: str
    listed_attributes: str  # as the seller lists them, some left out
    price: float
    rating: float
    fits: str = ""  # brand that an accessory fits

    @property
    def category(self) -> str:
        """Return the category that the shop files it under."""
        return f"{self.kind.name} Accessories" if self.part else self.kind.name


def generate_catalogue(count: int, draw: random.Random) -> list[Item]:
    """Generate items: about one in six an accessory, the rest spread over the kinds."""
    kinds_with_parts = [kind for kind in KINDS if kind.parts]
    items = []
    for number in range(count):
        if draw.random() < 0.17:
            items.append(generate_accessory(number, draw.choice(kinds_with_parts), draw))
        else:
            items.append(generate_item(number, KINDS[number % len(KINDS)], draw))
    return items


def draw_model_number(draw: random.Random) -> str:
    """Draw a model number as brands print them."""
    return f"{draw.choice('ABDFKMRSTX')}{draw.choice('ABDFKMRSTX')}-{draw.randrange(100, 999)}"


def generate_item(number: int, kind: Kind, draw: random.Random) -> Item:
    """Generate one item of a kind.

    Its title names some attributes, the list others, and some are named nowhere.
    """
    brand = draw.choice(kind.brands)
    model = draw_model_number(draw)
    attributes = {name: draw.choice(values) for name, values in kind.varies.items()}
    title_values = [value for value in attributes.values() if draw.random() < 0.6]
    words = [brand, model, *title_values[:1], draw.choice(kind.words), *title_values[1:], draw.choice(FILLER)]
    if draw.random() < 0.3:
        words.append(draw.choice(kind.uses).split(" for ")[-1])
    list_entries = [f"{name}: {value}" for name, value in attributes.items() if draw.random() < 0.8]
    price, rating = draw_price_and_rating(kind.price, draw)
    texts = (" ".join(words), "; ".join(list_entries))
    return Item(f"i{number:05d}", kind, "", brand, model, attributes, *texts, price, rating)


def generate_accessory(number: int, kind: Kind, draw: random.Random) -> Item:
    """Generate one accessory or spare part that fits a brand's items of a kind."""
    part = draw.choice(kind.parts)
    fits = draw.choice(kind.brands)
    maker = draw.choice(("Fitwell", "Partico", "Addora", fits))
    color = draw.choice(COLORS)
    title = f"{maker} {draw.choice(FILLER)} {part} for {fits} {draw.choice(kind.words)} {color}"
    price, rating = draw_price_and_rating((4, max(8.0, kind.price[0] * 0.6)), draw)
    listed_attributes = f"color: {color}; fits: {fits}"
    texts = (title, listed_attributes)
    return Item(f"i{number:05d}", kind, part, maker, "", {"color": color}, *texts, price, rating, fits)


def draw_price_and_rating(span: tuple[float, float], draw: random.Random) -> tuple[float, float]:
    """Draw a price within the span, rather a low one, and a rating."""
    low, high = span
    return round(low + (high - low) * draw.random() ** 2, 2), round(min(5.0, max(1.0, draw.gauss(4.1, 0.5))), 1)
