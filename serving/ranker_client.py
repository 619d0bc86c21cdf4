"""POST requests of the interleaver to the rankers' servers, over connections that stay open."""

import asyncio
import contextlib
from collections.abc import Mapping

import aiohttp


class RankerClient:
    """An aiohttp session, made where its loop runs."""

    def __init__(self):
        self.session: aiohttp.ClientSession | None = None

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of an answer.

        A connection that the other side closed while nobody used it is replaced: scores may be asked for twice.

        Raises:
            OSError: nobody answers at the address, or not in HTTP.
        """
        if self.session is None:
            limits = aiohttp.TCPConnector(limit=0)  # requests are as many as users wait for
            self.session = aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=None))
        try:
            with contextlib.suppress(aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                return await self._post_once(url, content, headers)
            return await self._post_once(url, content, headers)
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{url}: {error}") from error

    async def _post_once(self, url: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        async with self.session.post(url, data=content, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.read()

    async def aclose(self) -> None:
        """Close all connections."""
        if self.session is not None:
            await self.session.close()
            await asyncio.sleep(0)  # transports close in the loop's next turn
