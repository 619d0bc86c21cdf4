"""States behind the encoder's frozen layers, computed once a query and item: they are the same in every update.

B pairs, T tokens, H encoder width.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from components.scoring.tokenizer import pad_pairs
from components.student.late_interaction import LateInteractionStudent

MOST_BYTES = 512 << 20  # of memory for the states; where they are more, every update computes its own
BATCH_TEXTS = 64
QUERY = 0
ITEM = 1
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
        batch = torch.zeros(len(lengths), max(lengths), self.states.shape[1])
        for query, item, pair in zip(queries, items, batch, strict=True):
            pair[: len(query)] = self.of(QUERY, query)
            pair[len(query) : len(query) + len(item)] = self.of(ITEM, item)
        return batch

    def of(self, side: int, tokens: Sequence[int]) -> Tensor:
        """Return the states (T, H) of one text."""
        first = self.first_token[name_text(side, tokens)]
        return self.states[first : first + len(tokens)]


def compute_frozen_states(student: LateInteractionStudent, examples) -> FrozenStates | None:
    """Compute the states of all queries and items of EXAMPLES rows.

    Return None where no layer is frozen, or the states are more than `MOST_BYTES`.
    """
    width = student.encoder.config.hidden_size
    if not student.frozen_layers:
        return None
    texts = unique_texts(examples, MOST_BYTES // (4 * width))
    if texts is None:
        return None
    frozen_states = FrozenStates(torch.zeros(sum(len(read_tokens(text)) for text in texts), width))
    end = 0
    student.eval()
    with torch.inference_mode():
        for text, states in encode_texts(student, sorted(texts, key=lambda text: len(text[1]))):
            frozen_states.first_token[text] = end
            frozen_states.states[end : end + len(states)] = states
            end += len(states)
    return frozen_states


def unique_texts(examples: Iterable[dict], most_tokens: int) -> set[Text] | None:
    """Return each query and each item once, or None where they have more tokens together."""
    texts: set[Text] = set()
    tokens = 0
    for row in examples:
        for text in (name_text(QUERY, row["query"]), name_text(ITEM, row["item"])):
            if text not in texts:
                texts.add(text)
                tokens += len(read_tokens(text))
        if tokens > most_tokens:
            return None
    return texts


def encode_texts(student: LateInteractionStudent, texts: Sequence[Text]) -> Iterator[tuple[Text, Tensor]]:
    """Yield each text with its states behind the frozen layers (T, H)."""
    for first in range(0, len(texts), BATCH_TEXTS):
        batch = texts[first : first + BATCH_TEXTS]
        queries = [read_tokens(text) if text[0] == QUERY else [] for text in batch]
        items = [read_tokens(text) if text[0] == ITEM else [] for text in batch]
        arrays = {name: torch.from_numpy(array) for name, array in pad_pairs(queries, items).items()}
        batch_states = student.encode_frozen(arrays["input_ids"], arrays["attention_mask"], arrays["token_type_ids"])
        for text, states in zip(batch, batch_states, strict=True):
            yield text, states[: len(read_tokens(text))]


def name_text(side: int, tokens: Sequence[int]) -> Text:
    """Return the name of a side's tokens."""
    return side, np.asarray(tokens, np.int32).tobytes()


def read_tokens(text: Text) -> list[int]:
    """Return the tokens of a text."""
    return np.frombuffer(text[1], np.int32).tolist()
