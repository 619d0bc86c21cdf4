"""The perspectives of MPCoT, their prompts, and the strict grammar of a rationale.

Adding a perspective is adding a card to cards.toml. Fixed text comes first and the pair last: prefixes can be shared.
"""

import re
from collections.abc import Mapping

from components.cards import Example, Perspective, read_cards
from components.contracts import LABELS
from components.teacher_prompt import SYSTEM, pair_text

CARDS = read_cards()
VERSION = CARDS.version
PERSPECTIVES = CARDS.perspectives
NAMES = tuple(perspective.name for perspective in PERSPECTIVES)

_LABEL = rf"\nLabel: (?P<label>{'|'.join(LABELS)})"
_GRAMMAR = re.compile(rf"<(?P<perspective>{'|'.join(NAMES)})> (?P<text>[^\n<>]{{8,4000}}){_LABEL}")


def pattern(forced_prefix: str, characters: int) -> str:
    """Return the grammar of what follows "" or a perspective's tag, as a regular expression."""
    tag = "" if forced_prefix else f"<(?:{'|'.join(NAMES)})>"
    return rf"{tag} [^\n<>]{{8,{characters}}}\nLabel: (?:{'|'.join(LABELS)})"


def parse(completion: str) -> tuple[str, str, str] | None:
    """Return (perspective, rationale, label) of a completion that keeps the grammar, else None."""
    match = _GRAMMAR.fullmatch(completion.strip())
    return None if match is None else (match["perspective"], match["text"].strip(), match["label"])


def sampling_prompt(perspective: Perspective, row: Mapping, shots: int) -> list[dict]:
    """Return the prompt for one perspective with `shots` worked examples, fixed text first."""
    messages = [{"role": "system", "content": card_text(perspective)}]
    for example in perspective.examples[:shots]:
        messages.append({"role": "user", "content": f"Query: {example.query}\nItem: {example.item}"})
        messages.append({"role": "assistant", "content": example_answer(perspective, example)})
    return [*messages, {"role": "user", "content": pair_text(row)}]


def card_text(perspective: Perspective) -> str:
    """Return the task, the label definitions, and the perspective's instruction and rules."""
    labels = [f"{label}: {definition}." for label, definition in CARDS.labels.items()]
    rules = [f"- {rule}" for rule in perspective.rules]
    return "\n".join([SYSTEM, *labels, perspective.instruction, *rules])


def example_answer(perspective: Perspective, example: Example) -> str:
    """Return a worked example's answer, which keeps the grammar."""
    return f"{perspective.tag} {example.reasoning}\nLabel: {example.label}"
