"""The arm of a user: a function of the user's hash, the experiment's salt and the share in force, no more.

The caller computes it and sends it as `x-arm`; the analysis computes it again for every logged exposure.
"""

import hmac
from collections.abc import Iterable

import numpy as np

from components.sampling import hash_fraction, hash_fractions

ARMS = ("control", "treatment")
INTERLEAVE = "interleave"  # in x-arm, beside the arms: the page is to be interleaved
LAYER_SALT = "interleaving or A/B"  # one for all experiments


def user_hash(secret: str, user_id: str) -> bytes:
    """Return the 16 bytes that stand for a user in logs and arms.

    They are HMAC-SHA256 under the platform's secret.

    Raises:
        ValueError: the secret is empty, for then anyone could compute the hash of a known user.
    """
    if not secret:
        raise ValueError("no secret to hash users with: set BROADFAST_USER_HASH_SECRET")
    return hmac.digest(secret.encode(), user_id.encode(), "sha256")[:16]


def draw(user_hash: bytes, salt: str) -> float:
    """Map a user to [0, 1): uniform over users, independent across salts."""
    return hash_fraction(salt.encode() + user_hash)


def draw_all(user_hashes: Iterable[bytes], salt: str) -> np.ndarray:
    """Map many users to [0, 1) as `draw` does, (N,)."""
    prefix = salt.encode()
    return hash_fractions(prefix + user for user in user_hashes)


def arm(user_hash: bytes, salt: str, share: float) -> str:
    """Return `treatment` for a share of all users, else `control`.

    A growing share moves nobody out of treatment.
    """
    return "treatment" if draw(user_hash, salt) < share else "control"


def is_interleaved(user_hash: bytes, share: float) -> bool:
    """Tell whether a user's pages are interleaved, for a share of all users.

    This is drawn before, and free of, the arms of every experiment. A growing share moves nobody out.
    """
    return draw(user_hash, LAYER_SALT) < share
