"""An engine without a model: answers follow from the prompt, so that what is measured is everything around a model."""

import hashlib
from collections.abc import Sequence

from components.contracts import LABELS
from components.rationales.engine import Completion

BROKEN = 40  # one answer in so many breaks the grammar


class ScriptedEngine:
    """Answers at once; the label and whether the grammar is kept are drawn from the prompt's hash.

    A token is four characters.
    """

    name = "scripted"

    def tokenizer(self, text: str, **_) -> dict:
        return {"offset_mapping": [(first, first + 4) for first in range(0, len(text), 4)]}

    def render(self, messages: list[dict]) -> str:
        return "\n".join(message["content"] for message in messages)

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]:
        return [self._answer(*pair) for pair in zip(texts, forced_prefixes, strict=True)]

    def _answer(self, text: str, forced_prefix: str) -> Completion:
        drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        label = f"\nLabel: {LABELS[drawn % 4]}" if drawn % BROKEN else ""
        return Completion(
            f"{forced_prefix} It was compared with what was asked.{label}", len(text) // 4, 12, "stop", None
        )
