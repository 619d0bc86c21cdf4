"""The three perspectives of MPCoT, their prompts, and the strict grammar of a rationale.

Adding a perspective is adding one `Perspective`. Fixed text comes first and the pair last: prefixes can be shared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.contracts import LABELS
from components.teacher_prompt import SYSTEM, pair_text

VERSION = "2026-11-1"


@dataclass(frozen=True)
class Perspective:
    """One way of looking at a pair: its tag, its instruction and worked examples."""

    name: str
    instruction: str
    examples: tuple[tuple[str, str, str], ...]  # query, item, rationale with its label

    @property
    def tag(self) -> str:
        """Return the tag that opens every completion of this perspective."""
        return f"<{self.name}>"


PERSPECTIVES = (
    Perspective(
        "user_intent",
        "Think of what this shopper wants it for, and whether the item serves that use.",
        (
            (
                "waterproof hiking boots",
                "Trail rain boots for women",
                "The shopper wants dry feet on trails; the boots give that.\nLabel: Exact",
            ),
            (
                "phone case for pixel 8",
                "Pixel 8 screen protector",
                "The shopper wants a case; a screen protector goes with it but is none.\nLabel: Complement",
            ),
        ),
    ),
    Perspective(
        "attributes",
        "Compare attribute by attribute: category, brand, model, specifications.",
        (
            (
                "dell 27 inch monitor",
                "LG 27 inch monitor 4K",
                "Category same, size same, brand differs: Dell asked, LG offered.\nLabel: Substitute",
            ),
            (
                "red wool scarf",
                "Garden hose 20 m",
                "Category differs, colour and material do not apply.\nLabel: Irrelevant",
            ),
        ),
    ),
    Perspective(
        "business_rules",
        "Apply the shop's rules: an accessory is not the product; a query that names a brand needs that brand; "
        "a substitute must serve the same use.",
        (
            (
                "canon eos camera",
                "Shoulder bag for Canon EOS",
                "An accessory is not the product: the bag only goes with the camera.\nLabel: Complement",
            ),
            (
                "lego technic crane",
                "Wooden crane toy",
                "The query names a brand the item lacks, yet it serves the same play.\nLabel: Substitute",
            ),
        ),
    ),
)
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
    messages = [{"role": "system", "content": f"{SYSTEM} {perspective.instruction}"}]
    for query, item, example in perspective.examples[:shots]:
        messages.append({"role": "user", "content": f"Query: {query}\nItem: {item}"})
        messages.append({"role": "assistant", "content": f"{perspective.tag} {example}"})
    return [*messages, {"role": "user", "content": pair_text(row)}]
