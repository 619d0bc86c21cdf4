"""The token that leads from one page of a draft to the next: its day, its rankers' versions, and the page's number.

It is no secret and holds nothing of the user. With it a search goes on in its draft over midnight.
"""

import base64
import binascii
from dataclasses import asdict, dataclass
from datetime import date

import orjson

from serving.request_schemas import MAX_ITEMS, MAX_NAME, InvalidRequest

MAX_TOKEN = 2048  # characters


@dataclass(frozen=True)
class PageToken:
    """Where a draft goes on."""

    day: str  # ISO 8601, UTC, of the first page
    page: int  # from 1
    stable_version: str
    candidate_version: str

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
        versions = (token.stable_version, token.candidate_version)
        is_page = type(token.page) is int and 1 <= token.page <= MAX_ITEMS
        if not is_day or not is_page or not all(isinstance(name, str) and len(name) <= MAX_NAME for name in versions):
            raise _invalid_token()
        return token

    def next(self) -> "PageToken":
        """Return the token of the next page."""
        return PageToken(self.day, self.page + 1, self.stable_version, self.candidate_version)


def _invalid_token() -> InvalidRequest:
    return InvalidRequest("page_token is no token of this server; give next_page_token of the page before, or none")
