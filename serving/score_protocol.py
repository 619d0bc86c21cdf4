"""How the interleaver asks a relevance server for scores: texts that it has looked up, in a body that it signs.

Features are looked up once for both servers. A body without the platform's signature is refused, so that no caller can
say what the text of a known item is. Scores come back as they were computed: nothing of a float32 is lost in JSON.
"""

import hmac
from collections.abc import Sequence

import numpy as np
import orjson

from components.scoring.scores import Scores

PATH = "/internal/score"
SIGNATURE = "x-broadfast-signature"
PURPOSE = b"scores for the interleaver"  # the secret's other use is to hash users


def sign(secret: str, body: bytes) -> str:
    """Return the signature of a body under the platform's secret."""
    key = hmac.digest(secret.encode(), PURPOSE, "sha256")
    return hmac.digest(key, body, "sha256").hex()


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Tell whether a body has its signature."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.encode())


def encode_texts(query: str, texts: Sequence[str]) -> bytes:
    """Return a query and texts as a body."""
    return orjson.dumps({"query": query, "texts": texts})


def decode_texts(body: bytes) -> tuple[str, list[str]]:
    """Read a query and texts.

    Raises:
        ValueError: the body is of another version of the platform.
    """
    try:
        document = orjson.loads(body)
        return document["query"], document["texts"]
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"the body holds no query and texts: {error!r}") from error


def encode_scores(version: str, scores: Scores) -> bytes:
    """Return a version's scores as a body."""
    probabilities = np.ascontiguousarray(scores.probabilities, np.float32)
    document = {"version": version, "labels": scores.label_names, "probabilities": probabilities}
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def decode_scores(body: bytes, items: int) -> tuple[str, Scores]:
    """Read a version and its scores of some items, without hidden vectors.

    Raises:
        ValueError: the body is none of ours, or holds scores of fewer or more items.
    """
    try:
        document = orjson.loads(body)
        labels = tuple(document["labels"])
        probabilities = np.array(document["probabilities"], np.float32)
        version = document["version"]
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"the body holds no scores: {error!r}") from error
    if probabilities.shape != (items, len(labels)):
        raise ValueError(f"the scores have shape {probabilities.shape}, not {(items, len(labels))}")
    return version, Scores(labels, probabilities, np.empty((items, 0), np.float32))
