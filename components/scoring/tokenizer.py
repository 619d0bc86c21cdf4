"""Queries and items as token ids, and the lexical features of a pair.

Query and item are cut to budgets of their own, so that an item's tokens never depend on the query. B pairs, T tokens.
"""

import math
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

FIELDS = ("title", "brand", "category", "attributes")
LEXICAL_FEATURES = (  # of a pair's tokens, without [CLS] and [SEP]
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
TITLE_TOKENS = 16  # an item's first tokens: they say what it is
COMMON_IDS = 1000  # lower ids are special tokens, characters and stop words; above, frequency falls with the id


def item_text(row: Mapping) -> str:
    """Join an item's known fields into the text that the student reads, title first."""
    return " ; ".join(str(row[name]) for name in FIELDS if row.get(name))


class PairTokenizer:
    """Cut a query to `query_length` tokens, and an item to the rest of `max_length`."""

    def __init__(self, path: str | Path, max_length: int, query_length: int):
        if not 3 < query_length < max_length - 1:
            raise ValueError(f"query_length {query_length} has to leave room for an item in max_length {max_length}")
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_padding()  # some files carry a fixed padding
        self.tokenizer.no_truncation()
        self.query_length = query_length
        self.item_length = max_length - query_length
        self.prefix_length = min(1, self.tokenizer.num_special_tokens_to_add(False))  # 1 with a [CLS]

    @cached_property
    def number_ids(self) -> frozenset[int]:
        """List the tokens that are numbers, whole or in part."""
        vocabulary = self.tokenizer.get_vocab().items()
        return frozenset(token_id for token, token_id in vocabulary if token.strip("#▁Ġ").isdigit())

    def encode_queries(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode each text as [CLS] query [SEP]."""
        return [truncate(ids, self.query_length) for ids in self._encode(texts)]

    def encode_items(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode each text as item [SEP], which follows a query."""
        return [truncate(ids[self.prefix_length :], self.item_length) for ids in self._encode(texts)]

    def lexical_features(self, queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]]) -> np.ndarray:
        """Compute LEXICAL_FEATURES of tokenised pairs: (B, 14), float32."""
        query_tokens = {key: QueryTokens(key, self.number_ids) for key in set(map(tuple, queries))}
        pairs = zip(queries, items, strict=True)
        rows = [lexical_features(query_tokens[tuple(query)], item) for query, item in pairs]
        return np.array(rows, np.float32).reshape(len(rows), len(LEXICAL_FEATURES))

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]


def truncate(ids: list[int], length: int) -> list[int]:
    """Keep at most `length` tokens, the last of which ends the text."""
    return ids if len(ids) <= length else [*ids[: length - 1], ids[-1]]


class QueryTokens:
    """The part of LEXICAL_FEATURES that depends on [CLS] query [SEP] alone."""

    def __init__(self, query: Sequence[int], number_ids: Container[int]):
        self.tokens = query[1:-1]
        self.token_set = frozenset(self.tokens)
        self.bigrams = list(zip(self.tokens, self.tokens[1:], strict=False))
        self.rarities = [math.log(max(token, COMMON_IDS) - COMMON_IDS + 10) for token in self.tokens]  # Zipf's law
        self.total_rarity = sum(self.rarities)
        self.number_positions = [position for position, token in enumerate(self.tokens) if token in number_ids]


def lexical_features(query: QueryTokens, item: Sequence[int]) -> list[float]:
    """Compute LEXICAL_FEATURES of a query and item [SEP], zeros where a side is empty."""
    item = item[:-1]
    if not query.tokens or not len(item):
        return [0.0] * len(LEXICAL_FEATURES)
    item_set = set(item)
    title_set = set(item[:TITLE_TOKENS])
    item_bigrams = set(zip(item, item[1:], strict=False))
    hits = [token in item_set for token in query.tokens]
    missing_rarities = [rarity for rarity, is_hit in zip(query.rarities, hits, strict=True) if not is_hit]
    count = len(hits)
    hit_count = sum(hits)
    return [
        hit_count / count,
        float(hit_count == count),
        float(hits[-1]),
        sum(bigram in item_bigrams for bigram in query.bigrams) / max(1, len(query.bigrams)),
        sum(token in query.token_set for token in item) / len(item),
        min(hit_count, 5) / 5,
        math.log(count),
        math.log(len(item)),
        (query.total_rarity - sum(missing_rarities)) / query.total_rarity,
        max(missing_rarities, default=0.0) / 10,
        float(bool(query.number_positions)),
        number_share(query, hits),
        sum(token in title_set for token in query.tokens) / count,
        hits.index(False) / count if missing_rarities else 1.0,
    ]


def number_share(query: QueryTokens, hits: Sequence[bool]) -> float:
    """Return the share of the query's numbers in the item, a half without numbers."""
    if not query.number_positions:
        return 0.5
    return sum(hits[position] for position in query.number_positions) / len(query.number_positions)


def pad_pairs(queries: Sequence[Sequence[int]], items: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Pad pairs to the longest: token ids, mask and segments, (B, T) each.

    Segments are 0 for the query and 1 for the item.
    """
    shape = (len(items), max(len(query) + len(item) for query, item in zip(queries, items, strict=True)))
    arrays = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for row, (query, item) in enumerate(zip(queries, items, strict=True)):
        middle = len(query)
        end = middle + len(item)
        arrays["input_ids"][row, :middle] = query
        arrays["input_ids"][row, middle:end] = item
        arrays["attention_mask"][row, :end] = 1
        arrays["token_type_ids"][row, middle:end] = 1
    return arrays
