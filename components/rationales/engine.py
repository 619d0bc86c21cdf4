"""The interface of an engine, rendered prompts in and completions out, and what all engines share.

An LLM's output depends on the batch it ran in, also at temperature 0: the promise is one stored rationale a key,
not equal bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components.config import JsonConfig
from components.contracts import LABELS

TOO_LONG = "too long"


@dataclass(frozen=True)
class EngineConfig(JsonConfig):
    """How completions are drawn."""

    engine: str = "auto"  # auto (vLLM where it is installed), vllm, transformers, endpoint
    max_new_tokens: int = 160
    max_length: int = 1024  # tokens of prompt and completion
    temperature: float = 0.8  # 0 takes the likeliest token
    top_k: int = 50  # of the likeliest tokens; 0 takes all
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.0  # 1 is none
    use_grammar: bool = False  # constrain the output to the grammar
    characters: int = 2000  # of a rationale, where the output is constrained
    batch_size: int = 32  # of transformers; of an endpoint, requests at once; vLLM batches by itself
    seed: int = 0

    @property
    def sampling(self) -> dict[str, float]:
        """Return every sampling parameter by the name that vLLM and its server give it.

        Engines fill what is left out differently: transformers takes 50 tokens, vLLM all, and both read the model's
        generation_config.json. So each one is given.
        """
        draws = self.temperature > 0
        return {
            "temperature": self.temperature,
            "top_k": self.top_k if draws else 0,
            "top_p": self.top_p if draws else 1.0,
            "min_p": self.min_p if draws else 0.0,
            "repetition_penalty": self.repetition_penalty,
        }


@dataclass(frozen=True)
class Completion:
    """An answer with its forced prefix, token counts, finish reason and p(label) in LABELS order.

    The reason is stop (it ended by itself), length (at max_new_tokens), or too long (the prompt leaves no room for an
    answer, so it was not asked).
    """

    text: str
    tokens_in: int
    tokens_out: int
    finish_reason: str
    label_probabilities: tuple[float, ...] | None


class Engine(Protocol):
    """Renders prompts to the bytes that are hashed, and completes them in order."""

    name: str
    tokenizer: Any

    def render(self, messages: list[dict]) -> str: ...

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]: ...


def label_tokens(tokenizer) -> list[int]:
    """Return the first token of each label as it follows "Label:".

    Raises:
        ValueError: two labels begin with the same token, so that their probabilities cannot be told apart.
    """
    prefix = len(tokenizer("Label:", add_special_tokens=False)["input_ids"])
    first = [tokenizer(f"Label: {label}", add_special_tokens=False)["input_ids"][prefix] for label in LABELS]
    if len(set(first)) < len(LABELS):
        raise ValueError(f"this tokenizer begins two of {LABELS} with the same token")
    return first


def label_position(tokens: Sequence, labels: Sequence) -> int | None:
    """Return the last position of a token that begins a label, or None."""
    return next((step for step in range(len(tokens) - 1, -1, -1) if tokens[step] in labels), None)


def too_long(tokens_in: int) -> Completion:
    """Return the completion of a prompt that leaves no room for an answer."""
    return Completion("", tokens_in, 0, TOO_LONG, None)
