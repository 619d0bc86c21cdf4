"""Queries are their normalised text in a locale: one text is one query and stands in one split."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from components.query_text import normalise_query
from components.sampling import hash_id, hash_number

Key = tuple[str, str]  # locale, normalised text
USABLE_VALID_QUERIES = 20
MINIMUM_VALID_QUERIES = 3  # on which two models can be compared at all
USABLE_VALID_SHARE = 0.05  # of all queries, where these are few


def query_key(locale: str, text: str) -> Key:
    """Return what makes two queries one: locale and text, normalised."""
    return normalise_query(locale).replace("_", "-"), normalise_query(text)


@dataclass
class QueryIds:
    """The id of every query, from all rows of a source."""

    texts: dict[str, str] = field(default_factory=dict)  # a source's id -> the text it was first seen with
    keys: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))  # a source's id -> queries
    ids: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))  # query -> the source's ids

    def add(self, source_id: str | None, locale: str, text: str) -> Key:
        """Take a row's query, and return its key.

        Raises:
            ValueError: the id is that of another text.
        """
        key = query_key(locale, text)
        if source_id is None:
            return key
        first_text = self.texts.setdefault(source_id, text)
        if normalise_query(first_text) != key[1]:
            raise ValueError(f"query id conflict: {source_id} is {first_text!r} already, and here {text!r}")
        self.keys[source_id].add(key)
        self.ids[key].add(source_id)
        return key

    def resolve(self, key: Key) -> str:
        """Return the source's id if it is the query's only one, or a hash.

        The hash is of locale and text, so it outlives ids that name single searches.
        """
        source_ids = self.ids.get(key, set())
        if len(source_ids) == 1:
            (source_id,) = source_ids
            if len(self.keys[source_id]) == 1:
                return source_id
        return hash_id(*key)


def assign_split(query_id: str, train_percent: int, valid_percent: int) -> str:
    """Return the split of a query whose source has none, by its id alone."""
    number = hash_number(f"split\0{query_id}", 4) % 100
    if number < train_percent:
        return "train"
    return "valid" if number < train_percent + valid_percent else "test"


def split_anew(query_ids: Iterable[str], train_percent: int, valid_percent: int) -> dict[str, str]:
    """Return splits of queries without a train query, by the order of another hash.

    Each split has its share. The valid one is large enough to compare models, where two queries at least are left.
    """
    names = sort_by_hash(query_ids, "split anew")
    valid = min(max(MINIMUM_VALID_QUERIES, round(valid_percent / 100 * len(names))), len(names) // 2)
    train = max(1, round(train_percent / 100 * len(names)))
    splits = ["valid"] * valid + ["train"] * train + ["test"] * len(names)
    return dict(zip(names, splits, strict=False))


def carve_valid_split(splits: Mapping[str, str], valid_share: float) -> list[str]:
    """Return the train queries that should become valid.

    There are none where the valid split is large enough to use. `splits` is query id -> split, `valid_share` the share
    of train queries to move. One query at least stays.
    """
    valid = sum(split == "valid" for split in splits.values())
    usable = min(USABLE_VALID_QUERIES, math.ceil(USABLE_VALID_SHARE * len(splits)))
    train = [query_id for query_id, split in splits.items() if split == "train"]
    if valid >= usable or len(train) < 2:
        return []
    count = min(len(train) - 1, max(usable - valid, round(valid_share * len(train))))
    return sort_by_hash(train, "valid")[:count]


def sort_by_hash(names: Iterable[str], salt: str) -> Sequence[str]:
    """Return names in an order that their hash decides."""
    return sorted(names, key=lambda name: hash_id(salt, name))
