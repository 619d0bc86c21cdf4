"""The catalogue of the embedded marketplace: items with hidden attributes, and what their sellers show of them."""

import random
from dataclasses import dataclass

from simulation.kinds import COLORS, KINDS, Kind

FILLER = ("new", "classic", "premium", "everyday", "pro", "lightweight", "2nd generation", "for men and women", "gift")


@dataclass(frozen=True)
class Item:
    """An item as it is, hidden attributes and all, beside what its seller shows."""

    item_id: str
    kind: Kind
    part: str  # "" for the thing itself, otherwise which accessory for it this is
    brand: str
    model: str
    attributes: dict[str, str]
    title: str
    shown: str  # attributes as the seller lists them; some are left out
    price: float
    rating: float
    fits: str = ""  # brand that an accessory fits

    @property
    def category(self) -> str:
        """The category that the shop files it under."""
        return f"{self.kind.name} Accessories" if self.part else self.kind.name


def catalogue(count: int, draw: random.Random) -> list[Item]:
    """`count` items: about one in six an accessory, the rest spread over the kinds."""
    sold_for = [kind for kind in KINDS if kind.parts]
    items = []
    for number in range(count):
        if draw.random() < 0.17:
            items.append(accessory(number, draw.choice(sold_for), draw))
        else:
            items.append(thing(number, KINDS[number % len(KINDS)], draw))
    return items


def model_number(draw: random.Random) -> str:
    """A model number as brands print them."""
    return f"{draw.choice('ABDFKMRSTX')}{draw.choice('ABDFKMRSTX')}-{draw.randrange(100, 999)}"


def thing(number: int, kind: Kind, draw: random.Random) -> Item:
    """One item of a kind; its title tells some attributes, the list others, and some are told nowhere."""
    brand, model = draw.choice(kind.brands), model_number(draw)
    attributes = {name: draw.choice(values) for name, values in kind.varies.items()}
    told = [value for value in attributes.values() if draw.random() < 0.6]
    words = [brand, model, *told[:1], draw.choice(kind.words), *told[1:], draw.choice(FILLER)]
    if draw.random() < 0.3:
        words.append(draw.choice(kind.uses).split(" for ")[-1])
    listed = "; ".join(f"{name}: {value}" for name, value in attributes.items() if draw.random() < 0.8)
    price, rating = priced(kind.price, draw)
    return Item(f"i{number:05d}", kind, "", brand, model, attributes, " ".join(words), listed, price, rating)


def accessory(number: int, kind: Kind, draw: random.Random) -> Item:
    """One accessory or spare part that fits a brand's things of a kind."""
    part, fits = draw.choice(kind.parts), draw.choice(kind.brands)
    maker = draw.choice(("Fitwell", "Partico", "Addora", fits))
    color = draw.choice(COLORS)
    title = f"{maker} {draw.choice(FILLER)} {part} for {fits} {draw.choice(kind.words)} {color}"
    price, rating = priced((4, max(8.0, kind.price[0] * 0.6)), draw)
    shown = f"color: {color}; fits: {fits}"
    return Item(f"i{number:05d}", kind, part, maker, "", {"color": color}, title, shown, price, rating, fits)


def priced(span: tuple[float, float], draw: random.Random) -> tuple[float, float]:
    """A price within the span, cheap ones commoner, and a rating of one to five."""
    low, high = span
    return round(low + (high - low) * draw.random() ** 2, 2), round(min(5.0, max(1.0, draw.gauss(4.1, 0.5))), 1)
