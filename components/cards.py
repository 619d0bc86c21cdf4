"""Label definitions and the perspectives' rule cards, which a shop edits in cards.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.contracts import LABELS
from components.sampling import hash_digest

CARDS = Path(__file__).with_name("cards.toml")
FORBIDDEN = ("\n", "<", ">")  # in an example, where they belong to the grammar


@dataclass(frozen=True)
class Example:
    """A worked example: a pair, one line of reasoning, and the label it ends in."""

    query: str
    item: str
    reasoning: str
    label: str


@dataclass(frozen=True)
class Perspective:
    """One way of looking at a pair: its tag, instruction, rules and worked examples."""

    name: str
    instruction: str
    rules: tuple[str, ...]
    examples: tuple[Example, ...]

    @property
    def tag(self) -> str:
        """Return the tag that opens every completion of this perspective."""
        return f"<{self.name}>"


@dataclass(frozen=True)
class Cards:
    """All that cards.toml holds, and a version that changes with it."""

    labels: Mapping[str, str]  # definitions
    perspectives: tuple[Perspective, ...]
    version: str


def read_cards(path: Path = CARDS) -> Cards:
    """Read label definitions and perspectives.

    Raises:
        ValueError: the file is no TOML, or a label, field or example is missing or unknown; with its place.
    """
    content = path.read_bytes()
    try:
        document = tomllib.loads(content.decode())
        labels = _labels(document["labels"])
        perspectives = tuple(_perspective(name, card) for name, card in document["perspectives"].items())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error} is missing or not a table: compare it with the file as it came") from None
    return Cards(labels, perspectives, f"cards-{hash_digest(content).hex()[:8]}")


def _labels(definitions: Mapping[str, str]) -> dict[str, str]:
    if set(definitions) != set(LABELS):
        raise ValueError(
            f"[labels] defines {sorted(definitions)}: keep the names {', '.join(LABELS)}, edit their texts"
        )
    return {label: definitions[label] for label in LABELS}


def _perspective(name: str, card: Mapping) -> Perspective:
    examples = tuple(Example(**fields) for fields in card["examples"])
    for example in examples:
        if example.label not in LABELS:
            raise ValueError(f"an example of {name} ends in {example.label!r}: give one of {', '.join(LABELS)}")
        if any(text in example.reasoning for text in FORBIDDEN) or len(example.reasoning) < 8:
            raise ValueError(f"an example of {name} reasons {example.reasoning!r}: give one line without < and >")
    return Perspective(name, card["instruction"], tuple(card["rules"]), examples)
