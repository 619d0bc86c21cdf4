"""The token that leads from one page of a draft to the next: its day, its rankers' versions, and the page's number.

It is no secret and holds nothing of the user. With it a search goes on in its draft over midnight. Where the draft
cannot go on, it tells which items the pages before have shown.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import orjson

from serving.request_schemas import MAX_ITEMS, MAX_NAME, InvalidRequest

MAX_TOKEN = 2048  # characters
BITS = re.compile(f"[0-9a-f]{{0,{MAX_ITEMS // 4}}}")


@dataclass(frozen=True)
class PageToken:
    """Where a draft goes on."""

    day: str  # ISO 8601, UTC, of the first page
    page: int  # from 1
    stable_version: str
    candidate_version: str
    item_bits: str = ""  # of the request's items, 1 where an earlier page showed it; the first is lowest; in base 16

    def encode(self) -> str:
        """Return the token as text for a URL."""
        return base64.urlsafe_b64encode(orjson.dumps(asdict(self))).decode()

    @classmethod
    def decode(cls, text: str) -> "PageToken":
        """Read a token.

        Raises:
            InvalidRequest: it is none of ours.
        """
        try:
            token = cls(**orjson.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True)))
            is_day = date.fromisoformat(token.day).isoformat() == token.day  # another spelling has other coins
        except (binascii.Error, ValueError, TypeError) as error:
            raise _invalid_token() from error
        is_page = type(token.page) is int and 1 <= token.page <= MAX_ITEMS
        has_versions = all(isinstance(name, str) and len(name) <= MAX_NAME for name in token.versions)
        has_bits = isinstance(token.item_bits, str) and BITS.fullmatch(token.item_bits)
        if not (is_day and is_page and has_versions and has_bits):
            raise _invalid_token()
        return token

    @property
    def versions(self) -> tuple[str, str]:
        """Return the versions of stable and candidate."""
        return self.stable_version, self.candidate_version

    def shown_items(self, ids: Sequence[str]) -> set[str]:
        """Return those of a request's items that earlier pages showed."""
        bits = int(self.item_bits or "0", 16)
        return {item_id for number, item_id in enumerate(ids) if bits >> number & 1}

    def next(self, ids: Sequence[str], shown_ids: Iterable[str], keeps_versions: bool = True) -> "PageToken":
        """Return the token of the next page, behind pages that showed these items."""
        earlier_ids = set(shown_ids)
        bits = sum(1 << number for number, item_id in enumerate(ids) if item_id in earlier_ids)
        versions = self.versions if keeps_versions else ("", "")
        return PageToken(self.day, self.page + 1, *versions, f"{bits:x}")


def _invalid_token() -> InvalidRequest:
    return InvalidRequest("page_token is no token of this server; give next_page_token of the page before, or none")
