"""The facts of a rationale, in a small grammar: what is asked, how it stands, and what is offered.

    kind desk lamps: serves a similar use, floor lamps
    feature dimmable: implied, mood setting

One fact a line. They are what a student is aligned with: no verdict is among them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

PERSPECTIVES = {  # whose facts they are, and how each may stand
    "user_intent": {"use": ("served", "served in part", "not served"), "need": ("met", "not met", "not stated")},
    "attributes": {"": ("same", "implied", "differs", "missing", "refused and there", "refused and absent")},
    "business_rules": {
        "kind": ("same", "serves a similar use", "used together", "part for it", "what the part is for", "unrelated"),
        "fit": ("fits", "fits by series", "does not fit", "another part"),
        "tier": ("same", "differs"),
    },
}
LINE = re.compile(r"(?P<name>[a-z]+) (?P<asked_value>[^:]+): (?P<state>[a-z ]+)(?:, (?P<offered_value>.+))?")


@dataclass(frozen=True)
class Fact:
    """One fact: what is asked, its value, how it stands, and what is offered."""

    name: str  # kind, feature, brand, ...
    asked_value: str
    state: str
    offered_value: str = ""

    def __str__(self):
        return f"{self.name} {self.asked_value}: {self.state}" + (
            f", {self.offered_value}" if self.offered_value else ""
        )


def states(perspective: str, name: str) -> tuple[str, ...]:
    """Return how a fact of this name may stand in a perspective, if at all."""
    by_name = PERSPECTIVES[perspective]
    return by_name.get(name, by_name.get("", ()))


def format_facts(facts: Iterable[Fact]) -> str:
    """Return the facts as text, one a line."""
    return "\n".join(map(str, facts))


def format_states(facts: Iterable[Fact]) -> str:
    """Return how the facts stand, in the same words for every topic."""
    return "\n".join(f"{fact.name}: {fact.state}" for fact in facts)


def parse_facts(text: str, perspective: str) -> list[Fact]:
    """Read the facts of a perspective from text.

    Raises:
        ValueError: a line is no fact, or its state is none of the perspective's; with the line.
    """
    facts = []
    for line in text.strip().splitlines():
        match = LINE.fullmatch(line.strip())
        if not match:
            raise ValueError(f"{line!r} is no fact: write NAME VALUE: STATE, OFFERED")
        fact = Fact(**{name: value or "" for name, value in match.groupdict().items()})
        if fact.state not in states(perspective, fact.name):
            choices = ", ".join(states(perspective, fact.name)) or f"no {fact.name}"
            raise ValueError(f"{line!r}: {perspective} knows {choices}")
        facts.append(fact)
    return facts
