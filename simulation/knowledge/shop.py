"""The kinds that are sold, and the rule book about them, from two data files."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of item: its names, what its family shares, and related kinds."""

    name: str
    family: str
    words: tuple[str, ...]  # synonyms that titles and queries use
    uses: dict[str, dict[str, str]]  # what shoppers say instead -> the attribute that it implies
    attributes: dict[str, tuple[str, ...]]
    brands: dict[str, str]  # brand -> premium, middle or budget
    series: tuple[str, ...]  # of devices, by which parts fit
    price: tuple[float, float]
    parts: tuple[str, ...]
    near: frozenset[str]  # kinds that serve a similar use
    used_with: frozenset[str]


@dataclass(frozen=True)
class RuleBook:
    """What is known beyond the words on a page."""

    paraphrases: dict[str, tuple[str, ...]]  # value -> what sellers write for it
    compatible_series: dict[str, tuple[str, ...]]  # series of a part -> others that it fits
    tier_words: dict[str, tuple[str, ...]]

    def fits(self, made_for: str, series: str) -> bool:
        """Return True where a part made for one series fits another by the rule book."""
        return series in self.compatible_series.get(made_for, ())


@cache
def load_kinds() -> dict[str, Kind]:
    """Read all kinds by name. Relations hold both ways."""
    families = yaml.safe_load((FOLDER / "kinds.yaml").read_text())
    relations: dict[str, dict[str, set[str]]] = {}
    for family in families.values():
        for name, kind in family["kinds"].items():
            for relation in ("near", "with"):
                for other in kind.get(relation, ()):
                    relations.setdefault(name, {}).setdefault(relation, set()).add(other)
                    relations.setdefault(other, {}).setdefault(relation, set()).add(name)
    return {
        name: build_kind(name, family_name, family, kind, relations.get(name, {}))
        for family_name, family in families.items()
        for name, kind in family["kinds"].items()
    }


def build_kind(name: str, family_name: str, family: dict, kind: dict, relations: dict[str, set[str]]) -> Kind:
    """Build a kind of its own entry and its family's."""
    return Kind(
        name,
        family_name,
        tuple(kind["words"]),
        kind.get("uses", {}),
        with_tuples(family["attributes"]),
        family["brands"],
        tuple(family.get("series", ())),
        tuple(family["price"]),
        tuple(kind.get("parts", ())),
        frozenset(relations.get("near", ())),
        frozenset(relations.get("with", ())),
    )


@cache
def load_rules() -> RuleBook:
    """Read the rule book."""
    rules = yaml.safe_load((FOLDER / "rules.yaml").read_text())
    return RuleBook(**{name: with_tuples(part) for name, part in rules.items()})


def with_tuples(lists: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Return a mapping to tuples, which nobody changes."""
    return {name: tuple(values) for name, values in lists.items()}


def zipf_weights(kinds: Sequence[Kind], draw: random.Random) -> dict[Kind, float]:
    """Return weights of kinds in a drawn order: 1, 1/2, 1/3 and so on."""
    return {kind: 1 / (rank + 1) for rank, kind in enumerate(draw.sample(kinds, len(kinds)))}
