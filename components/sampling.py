"""Draws that depend on names alone: the same name gives the same number on every machine and in every run."""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np

NUMBER_BYTES = 8


def hash_digest(name: str | bytes) -> bytes:
    """Return the 32 bytes of a name's SHA-256, to sort by."""
    return sha256(name if isinstance(name, bytes) else name.encode()).digest()


def hash_number(name: str | bytes, size: int = NUMBER_BYTES) -> int:
    """Return the first `size` bytes of a name's digest as a whole number."""
    return int.from_bytes(hash_digest(name)[:size], "big")


def hash_fraction(name: str | bytes) -> float:
    """Map a name to [0, 1), uniform over names.

    A salt in the name makes draws independent.
    """
    return hash_number(name) / 2 ** (8 * NUMBER_BYTES)


def hash_fractions(names: Iterable[bytes]) -> np.ndarray:
    """Map many names to [0, 1) as `hash_fraction` does, (N,)."""
    digests = b"".join(sha256(name).digest()[:NUMBER_BYTES] for name in names)
    return np.frombuffer(digests, ">u8") / 2 ** (8 * NUMBER_BYTES)


def hash_id(*parts: str) -> str:
    """Return 16 hex digits that stand for the parts."""
    return hash_digest("\0".join(parts)).hex()[:16]
