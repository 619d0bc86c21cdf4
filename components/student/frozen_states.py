"""States behind the encoder's frozen layers, computed once a query and item: they are the same in every update.

B pairs, T tokens, H encoder width.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from components.scoring.tokenizer import pad_pairs
from components.student.encoder import frozen_layers
from components.student.late_interaction import LateInteractionStudent

MOST_BYTES = 512 << 20  # of memory for the states; where they are more, every update computes its own
BATCH_TEXTS = 64
QUERY, ITEM = 0, 1
Text = tuple[int, bytes]  # the side, and its tokens as int32


@dataclass
class FrozenStates:
    """The token states of each query and item, one after another.

    A student that encodes the sides separately gives a text the same states beside any other.
    """

    states: Tensor  # (tokens of all texts, H)
    first_token: dict[Text, int] = field(default_factory=dict)

    def pad(self, queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]]) -> Tensor:
        """Return the states (B, T, H) of tokenised pairs, padded as by `pad_pairs`."""
        lengths = [len(query) + len(item) for query, item in zip(queries, items, strict=True)]
        padded = torch.zeros(len(lengths), max(lengths), self.states.shape[1])
        for query, item, pair in zip(queries, items, padded, strict=True):
            pair[: len(query)] = self.of(QUERY, query)
            pair[len(query) : len(query) + len(item)] = self.of(ITEM, item)
        return padded

    def of(self, side: int, tokens: Sequence[int]) -> Tensor:
        """Return the states (T, H) of one text."""
        first = self.first_token[text_of(side, tokens)]
        return self.states[first : first + len(tokens)]


def compute_frozen_states(student: LateInteractionStudent, examples) -> FrozenStates | None:
    """Compute the states of all queries and items of EXAMPLES rows.

    Return None where no layer is frozen, or the states are more than `MOST_BYTES`.
    """
    width = student.encoder.config.hidden_size
    if not frozen_layers(student.encoder):
        return None
    texts = unique_texts(examples, MOST_BYTES // (4 * width))
    if texts is None:
        return None
    frozen = FrozenStates(torch.zeros(sum(len(tokens_of(text)) for text in texts), width))
    end = 0
    student.eval()
    with torch.inference_mode():
        for text, states in encode_texts(student, sorted(texts, key=lambda text: len(text[1]))):
            frozen.first_token[text] = end
            frozen.states[end : end + len(states)] = states
            end += len(states)
    return frozen


def unique_texts(examples: Iterable[dict], most_tokens: int) -> set[Text] | None:
    """Return each query and each item once, or None where they have more tokens together."""
    texts: set[Text] = set()
    tokens = 0
    for row in examples:
        for text in (text_of(QUERY, row["query"]), text_of(ITEM, row["item"])):
            if text not in texts:
                texts.add(text)
                tokens += len(tokens_of(text))
        if tokens > most_tokens:
            return None
    return texts


def encode_texts(student: LateInteractionStudent, texts: Sequence[Text]) -> Iterator[tuple[Text, Tensor]]:
    """Yield each text with its states behind the frozen layers (T, H)."""
    for first in range(0, len(texts), BATCH_TEXTS):
        batch = texts[first : first + BATCH_TEXTS]
        queries = [tokens_of(text) if text[0] == QUERY else [] for text in batch]
        items = [tokens_of(text) if text[0] == ITEM else [] for text in batch]
        arrays = {name: torch.from_numpy(array) for name, array in pad_pairs(queries, items).items()}
        padded = student.encode_frozen(arrays["input_ids"], arrays["attention_mask"], arrays["token_type_ids"])
        for text, states in zip(batch, padded, strict=True):
            yield text, states[: len(tokens_of(text))]


def text_of(side: int, tokens: Sequence[int]) -> Text:
    """Return the name of a side's tokens."""
    return side, np.asarray(tokens, np.int32).tobytes()


def tokens_of(text: Text) -> list[int]:
    """Return the tokens of a text."""
    return np.frombuffer(text[1], np.int32).tolist()
