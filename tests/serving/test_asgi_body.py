"""Request bodies: limits, compression, and what is refused."""

import asyncio
import gzip

import pytest

from serving.asgi_body import BodyError, read_body


def read(*parts: bytes, limit: int = 100, encoding: str = "") -> bytes:
    messages = [{"body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0)

    headers = [(b"content-encoding", encoding.encode())] if encoding else []
    return asyncio.run(read_body({"headers": headers}, receive, limit))


def test_parts_are_joined_up_to_the_limit():
    assert read(b"ab", b"c", limit=3) == b"abc"
    with pytest.raises(BodyError, match="larger than 2 bytes") as error:
        read(b"ab", b"c", limit=2)
    assert error.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_decompressed(encoding):
    assert read(gzip.compress(b"abc"), encoding=encoding) == b"abc"


def test_members_of_gzip_are_joined():
    assert read(gzip.compress(b"ab") + gzip.compress(b"c"), encoding="gzip") == b"abc"


def test_the_limit_holds_for_decompressed_bytes():
    with pytest.raises(BodyError, match="larger than 1000 bytes") as error:
        read(gzip.compress(b"a" * 100_000), limit=1000, encoding="gzip")
    assert error.value.status == 413


WRONG = [
    (b"abc", "gzip", 400, "the body is not gzip"),
    (gzip.compress(b"abc" * 9)[:-9], "gzip", 400, "the body ends before its gzip stream does"),
    (b"abc", "gzip, br", 415, "the content-encoding is 'gzip, br'; send gzip, deflate, or none"),
]


@pytest.mark.parametrize(("body", "encoding", "status", "sentence"), WRONG, ids=range(len(WRONG)))
def test_a_body_of_another_encoding_is_refused(body, encoding, status, sentence):
    with pytest.raises(BodyError, match=sentence) as error:
        read(body, encoding=encoding)
    assert error.value.status == status
