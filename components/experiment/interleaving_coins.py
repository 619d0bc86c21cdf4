"""The coins of a draft: a function of salt, user, query, locale, filters and UTC day, and of nothing else.

A reload, another page or another process meets the same draft, and the analysis computes every coin again. The salt is
the interleaving's own: with an A/B's, the coin would follow the arm.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from components.query_text import normalise_query

BLOCK_COINS = 256  # of one SHA-256
SALT_SUFFIX = "/interleaving"


@dataclass(frozen=True)
class Search:
    """What a draft belongs to. Another filter or another day is another draft."""

    user_hash: bytes
    query: str
    locale: str
    filters: str
    day: str  # ISO 8601, UTC, of the first page

    @property
    def name(self) -> str:
        """Return the search in one text. Filters keep their case."""
        query = normalise_query(self.query)
        parts = (self.user_hash.hex(), query, normalize_text(self.locale), normalize_text(self.filters), self.day)
        return "\n".join(parts)


def normalize_text(text: str | None) -> str:
    """Return a text in Unicode's form C with single blanks, without line breaks."""
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def interleaving_salt(experiment_id: str) -> str:
    """Return the salt of an experiment's coins, which no arm is drawn by."""
    return experiment_id + SALT_SUFFIX


def draw_coins(salt: str, search: Search, count: int) -> np.ndarray:
    """Return the first coins of a search's draft, true where stable comes first, (count,)."""
    blocks = range(-(-count // BLOCK_COINS))
    digests = b"".join(_digest(salt, search, block) for block in blocks)
    return np.unpackbits(np.frombuffer(digests, np.uint8))[:count].astype(bool)


def draw_pair_coins(salt: str, searches: Sequence[Search], pairs: np.ndarray) -> np.ndarray:
    """Return the coin of one pair in each of N searches, `pairs` (N,) -> (N,).

    It equals `draw_coins(salt, search, pair + 1)[pair]`, whatever the number of the pair.
    """
    digests = b"".join(
        _digest(salt, search, pair // BLOCK_COINS) for search, pair in zip(searches, pairs.tolist(), strict=True)
    )
    bits = np.unpackbits(np.frombuffer(digests, np.uint8)).reshape(len(pairs), BLOCK_COINS)
    return np.take_along_axis(bits, (pairs % BLOCK_COINS)[:, None], axis=1)[:, 0].astype(bool)


def _digest(salt: str, search: Search, block: int) -> bytes:
    return sha256(f"{salt}\n{search.name}\n{block}".encode()).digest()
