"""Bodies of requests, of which no more is read than will be taken."""

MAX_BODY = 16 * 2**20  # bytes of a request to rank, over REST and gRPC


async def body(receive, limit: int) -> bytes | None:
    """A request's body; None where it is larger than `limit` bytes. Of a caller who went away, what had come."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
    return b"".join(parts)


def again(whole: bytes, receive):
    """A `receive` that gives a body which was received already, and then what comes after it."""
    waiting = [{"type": "http.request", "body": whole, "more_body": False}]

    async def given():
        return waiting.pop() if waiting else await receive()

    return given
