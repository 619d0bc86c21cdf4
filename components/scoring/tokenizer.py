"""Query and item as token ids, each cut to a budget of its own, so that an item's tokens never depend on the query."""

import math
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

FIELDS = ("title", "brand", "category", "attributes")
OVERLAPS = (  # of a pair's tokens, without [CLS] and [SEP]
    "share of the query's tokens that the item has",
    "all of them",
    "the last of them",
    "share of the query's neighbours that are neighbours in the item",
    "share of the item's tokens that the query has",
    "tokens of the query that the item has, of five",
    "length of the query, logarithm",
    "length of the item, logarithm",
    "share of the query's tokens that the item has, by how rare they are",
    "how rare the rarest token of the query is that the item lacks",
    "whether the query has a number",
    "share of the query's numbers that the item has; a half where there is none",
    "share of the query's tokens that the item's first sixteen have",
    "share of the query's tokens before the first that the item lacks",
)
TITLE = 16  # tokens of an item that say what it is
COMMON = 1000  # ids below are special tokens, characters or in every text; then a vocabulary falls in frequency


def item_text(row: Mapping) -> str:
    """An item as the student reads it: title first, then brand, category and attributes as far as they are known."""
    return " ; ".join(str(row[name]) for name in FIELDS if row.get(name))


class PairTokenizer:
    """Cuts a query to `query_length` tokens, and an item to what then is left of `max_length`."""

    def __init__(self, path: str | Path, max_length: int, query_length: int):
        if not 3 < query_length < max_length - 1:
            raise ValueError(f"query_length {query_length} has to leave room for an item in max_length {max_length}")
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_padding()  # some files carry a fixed one
        self.tokenizer.no_truncation()
        self.query_length, self.item_length = query_length, max_length - query_length
        self.opens = min(1, self.tokenizer.num_special_tokens_to_add(False))  # with a [CLS], which stands once

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The tokens that are numbers, whole or in part."""
        return frozenset(n for token, n in self.tokenizer.get_vocab().items() if token.strip("#▁Ġ").isdigit())

    def queries(self, texts: Sequence[str]) -> list[list[int]]:
        """[CLS] query [SEP] of each."""
        return [shortened(ids, self.query_length) for ids in self._ids(texts)]

    def items(self, texts: Sequence[str]) -> list[list[int]]:
        """item [SEP] of each: what stands behind a query."""
        return [shortened(ids[self.opens :], self.item_length) for ids in self._ids(texts)]

    def overlaps(self, queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]]) -> np.ndarray:
        """OVERLAPS of tokenised pairs, (B, 14), float32."""
        asked = {key: Asked(key, self.numbers) for key in set(map(tuple, queries))}
        found = [overlap(asked[tuple(query)], item) for query, item in zip(queries, items, strict=True)]
        return np.array(found, np.float32).reshape(len(found), len(OVERLAPS))

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]


def shortened(ids: list[int], length: int) -> list[int]:
    """At most `length` tokens, of which the last, which ends the text, is kept."""
    return ids if len(ids) <= length else [*ids[: length - 1], ids[-1]]


class Asked:
    """What [CLS] query [SEP] brings to OVERLAPS whatever the item is."""

    def __init__(self, query: Sequence[int], numbers: Container[int]):
        self.tokens = query[1:-1]
        self.known = frozenset(self.tokens)
        self.neighbours = list(zip(self.tokens, self.tokens[1:], strict=False))
        self.rare = [math.log(max(token, COMMON) - COMMON + 10) for token in self.tokens]  # Zipf's law
        self.all_rare = sum(self.rare)
        self.numbers = [place for place, token in enumerate(self.tokens) if token in numbers]


def overlap(asked: Asked, item: Sequence[int]) -> list[float]:
    """How far the tokens of a query and of item [SEP] are the same: OVERLAPS; zeros where a side is empty."""
    shown = item[:-1]
    if not asked.tokens or not len(shown):
        return [0.0] * len(OVERLAPS)
    there, title, beside = set(shown), set(shown[:TITLE]), set(zip(shown, shown[1:], strict=False))
    found = [token in there for token in asked.tokens]
    lacking = [weight for weight, has in zip(asked.rare, found, strict=True) if not has]
    count, had = len(found), sum(found)
    return [
        had / count,
        float(had == count),
        float(found[-1]),
        sum(pair in beside for pair in asked.neighbours) / max(1, len(asked.neighbours)),
        sum(token in asked.known for token in shown) / len(shown),
        min(had, 5) / 5,
        math.log(count),
        math.log(len(shown)),
        (asked.all_rare - sum(lacking)) / asked.all_rare,
        max(lacking, default=0.0) / 10,
        float(bool(asked.numbers)),
        sum(found[place] for place in asked.numbers) / len(asked.numbers) if asked.numbers else 0.5,
        sum(token in title for token in asked.tokens) / count,
        found.index(False) / count if lacking else 1.0,
    ]


def padded(queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Token ids, mask and segments (0 query, 1 item) of pairs, padded to the longest: (B, T) each."""
    shape = len(items), max(len(query) + len(item) for query, item in zip(queries, items, strict=True))
    arrays = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for row, (query, item) in enumerate(zip(queries, items, strict=True)):
        middle, end = len(query), len(query) + len(item)
        arrays["input_ids"][row, :middle], arrays["input_ids"][row, middle:end] = query, item
        arrays["attention_mask"][row, :end] = 1
        arrays["token_type_ids"][row, middle:end] = 1
    return arrays
