"""POST requests over connections that are kept open: all that the interleaver needs of HTTP.

A page takes two of them, and a general client would cost more CPU than all the rest of the merging.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import httptools

PORTS = {"http": 80, "https": 443}


class Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self):
        self.transport = None
        self.parser = None
        self.parts = []
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.is_free = False  # for another request

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request, and return status and body of its answer.

        Raises:
            ConnectionError: the other side hung up, or what it sent is no HTTP.
        """
        self.is_free = False
        self.parser = httptools.HttpResponseParser(self)
        self.parts = []
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer

    def close(self) -> None:
        """Hang up."""
        self.is_free = False
        self.transport.close()

    def connection_made(self, transport) -> None:
        """Note the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Read a piece of the answer."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the answer is no HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that waits."""
        self.is_free = False
        self._fail("the connection was closed")

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self.parts.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if not self.answer.done():
            self.is_free = self.parser.should_keep_alive()
            self.answer.set_result((self.parser.get_status_code(), b"".join(self.parts)))

    def _fail(self, problem: str) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError(problem))


class KeepAliveClient:
    """Sends each request over a free connection to its address, or a new one."""

    def __init__(self):
        self.free: dict[str, list[Connection]] = defaultdict(list)  # by scheme and address

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of an answer.

        A connection that the other side closed while it was free is replaced: the request is sent again.

        Raises:
            OSError: nobody answers at the address.
        """
        address = urlsplit(url)
        lines = [f"POST {address.path} HTTP/1.1", f"host: {address.netloc}", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "\r\n"]).encode("latin-1") + content
        free = self.free[f"{address.scheme}://{address.netloc}"]
        while free:
            connection = free.pop()
            if connection.is_free:
                try:
                    return await _send(connection, request, free)
                except ConnectionError:
                    continue
        return await _send(await _connect(address), request, free)

    async def aclose(self) -> None:
        """Close the connections that are free."""
        for connection in [connection for free in self.free.values() for connection in free]:
            connection.close()
        self.free.clear()


async def _connect(address: SplitResult) -> Connection:
    context = ssl.create_default_context() if address.scheme == "https" else None
    port = address.port or PORTS[address.scheme]
    _, connection = await asyncio.get_running_loop().create_connection(Connection, address.hostname, port, ssl=context)
    return connection


async def _send(connection: Connection, request: bytes, free: list[Connection]) -> tuple[int, bytes]:
    """Send a request, and put the connection back where its answer has come whole."""
    try:
        return await connection.post(request)
    finally:
        if connection.is_free:
            free.append(connection)
        else:
            connection.close()
