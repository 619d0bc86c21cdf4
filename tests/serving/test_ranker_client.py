"""Requests to rankers over connections that stay open: used again, replaced where closed, never mixed up."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from serving.ranker_client import RankerClient

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbus\r\n1\r\ny\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """A server that says what it is told to, and hangs up or waits where it is told nothing."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.connections = 0
        self.requests = []
        self.tasks = []

    async def answer(self, reader, writer):
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        while self.answers:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append((head, await reader.readexactly(length)))
            answer = self.answers.pop(0)
            if answer is None:
                await reader.read()  # until the client gives up
                break
            writer.write(answer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def talk(*answers):
    """Yield the peer, and a function that sends it a request."""
    peer = Peer(*answers)
    server = await asyncio.start_server(peer.answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/score"
    client = RankerClient()
    try:
        yield peer, lambda content: client.post(url, content, {"x-a": "b"})
    finally:
        await client.aclose()
        server.close()
        await asyncio.gather(*peer.tasks)


def test_one_connection_takes_request_after_request():
    async def run():
        async with talk(WHOLE, CHUNKED, WHOLE) as (peer, post):
            assert [await post(b"one"), await post(b"")] == [(200, b"ok"), (503, b"busy")]
            assert peer.connections == 1 and [body for _, body in peer.requests] == [b"one", b""]
            assert b"POST /score HTTP/1.1\r\n" in peer.requests[0][0] and b"\r\nx-a: b\r\n" in peer.requests[0][0]

    asyncio.run(run())


def test_requests_at_once_get_connections_of_their_own():
    async def run():
        async with talk(*[WHOLE] * 4) as (peer, post):
            assert await asyncio.gather(post(b"1"), post(b"2"), post(b"3")) == [(200, b"ok")] * 3
            assert peer.connections == 3

    asyncio.run(run())


@pytest.mark.parametrize("first", [LAST, WHOLE])
def test_a_closed_connection_is_replaced(first):
    async def run():
        async with talk(first) as (peer, post):
            assert await post(b"1") == (200, b"ok")  # and then it hangs up
            peer.answers = [WHOLE, WHOLE]
            assert await post(b"2") == (200, b"ok") and peer.connections == 2

    asyncio.run(run())


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"])
def test_half_an_answer_is_an_error(answer):
    async def run():
        async with talk(answer) as (_, post):
            with pytest.raises(ConnectionError):
                await post(b"1")

    asyncio.run(run())


def test_a_request_given_up_spoils_no_other():
    async def run():
        async with talk(WHOLE, None, WHOLE) as (peer, post):
            await post(b"1")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(post(b"2"), 0.05)
            assert await post(b"3") == (200, b"ok") and peer.connections == 2

    asyncio.run(run())


def test_nobody_at_the_address_is_an_error():
    async def run():
        client = RankerClient()
        try:
            await client.post("http://127.0.0.1:1/score", b"", {})
        finally:
            await client.aclose()

    with pytest.raises(OSError):
        asyncio.run(run())
