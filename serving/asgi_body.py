"""Request bodies, of which no more is read than the server takes."""

MAX_BODY = 16 * 2**20  # bytes of a request to rank, over REST and gRPC


async def read_body(receive, limit: int) -> bytes | None:
    """Return a request's body, or None where it is larger than `limit` bytes.

    Where the caller went away, return what had come until then.
    """
    parts = []
    size = 0
    has_more = True
    while has_more:
        message = await receive()
        has_more = message.get("more_body", False)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
    return b"".join(parts)


def replay_body(body: bytes, receive):
    """Return a `receive` that yields a body read before, then what comes after it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return messages.pop() if messages else await receive()

    return receive_again
