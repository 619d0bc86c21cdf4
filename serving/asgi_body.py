"""Request bodies: read up to a limit, decompressed, and handed on to the application."""

import zlib

MAX_BODY = 16 * 2**20  # bytes of a request to rank, over REST and gRPC
WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's, by content-encoding


class BodyError(ValueError):
    """A body that cannot be read: the status to answer, and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


async def read_body(scope, receive, limit: int) -> bytes:
    """Return a request's body, decompressed.

    Where the caller went away, return what had come until then.

    Raises:
        BodyError: the body is larger than `limit` bytes, of an unknown content-encoding, or not what that says.
    """
    encoding = _content_encoding(scope["headers"])
    parts = []
    size = 0
    has_more = True
    while has_more:
        message = await receive()
        has_more = message.get("more_body", False)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
    body = b"".join(parts)
    return decompress(body, encoding, limit) if encoding else body


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a body without its content-encoding.

    Raises:
        BodyError: the result is larger than `limit` bytes, or the body is broken or ends early.
    """
    parts = []
    size = 0
    try:
        while body:  # gzip may hold several members
            stream = zlib.decompressobj(WINDOW_BITS[encoding])
            parts.append(stream.decompress(body, limit + 1 - size))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(limit)
            if not stream.eof:
                raise BodyError(400, f"the body ends before its {encoding} stream does")
            body = stream.unused_data
    except zlib.error as error:
        raise BodyError(400, f"the body is not {encoding}, which its content-encoding names: {error}") from error
    return b"".join(parts)


def replay_body(body: bytes, receive):
    """Return a `receive` that yields a body read before, then what comes after it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return messages.pop() if messages else await receive()

    return receive_again


def _content_encoding(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the one encoding of a body, or an empty text."""
    values = [value.decode("latin-1") for name, value in headers if name == b"content-encoding"]
    encoding = ",".join(values).strip().lower()
    if encoding in ("", "identity"):
        return ""
    if encoding not in WINDOW_BITS:
        raise BodyError(415, f"the content-encoding is {encoding[:80]!r}; send gzip, deflate, or none")
    return encoding


def _too_large(limit: int) -> BodyError:
    return BodyError(413, f"the body is larger than {limit} bytes; send fewer items, or shorter texts")
