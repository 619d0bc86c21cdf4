"""Ratings that people give here: one object on S3 of a line each, which a run reads as judgements.

A write succeeds only upon the content that was read, so that no rating of another person is lost.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from components import storage
from workbench.page import PageError

NAME = "judgements/workbench.jsonl"
ATTEMPTS = 20


@dataclass(frozen=True)
class Rating:
    """One person's label of a pair, with the texts that they saw."""

    query_id: str
    query: str
    locale: str
    query_class: str
    item_id: str
    title: str
    brand: str
    category: str
    attributes: str
    label: str
    rater: str
    time: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.query_id, self.item_id


def read_ratings() -> list[Rating]:
    """Return all ratings, in the order in which they were given."""
    return _parse(storage.get_bytes(NAME) or b"")


def add_rating(pair: dict, label: str, rater: str) -> None:
    """Add a person's rating of a pair, in place of their earlier one."""
    texts = {name: pair[name] or "" for name in Rating.__dataclass_fields__ if name in pair}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    rating = Rating(**texts | {"label": label, "rater": rater, "time": now})

    def change(ratings: list[Rating]) -> list[Rating]:
        others = [other for other in ratings if (other.pair, other.rater) != (rating.pair, rater)]
        return [*others, rating]

    _update(change)


def remove_last_rating(rater: str) -> None:
    """Remove a person's last rating, if there is one."""

    def change(ratings: list[Rating]) -> list[Rating]:
        last = next((rating for rating in reversed(ratings) if rating.rater == rater), None)
        return [rating for rating in ratings if rating is not last]

    _update(change)


def to_lines(ratings: list[Rating]) -> bytes:
    """Return ratings as JSON lines."""
    return b"".join(json.dumps(asdict(rating), ensure_ascii=False).encode() + b"\n" for rating in ratings)


def _update(change: Callable[[list[Rating]], list[Rating]]) -> None:
    for _ in range(ATTEMPTS):
        content, etag = storage.get_with_etag(NAME)
        after = to_lines(change(_parse(content or b"")))
        if storage.replace_bytes(NAME, after, etag) if etag else storage.create_bytes(NAME, after):
            return
    raise PageError(503, f"{NAME} was changed by others {ATTEMPTS} times: give the rating again.")


def _parse(content: bytes) -> list[Rating]:
    return [Rating(**json.loads(line)) for line in content.decode().split("\n") if line]
