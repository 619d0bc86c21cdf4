"""A server with OpenAI's API, asked many things at once: any server's, such as vLLM, llama.cpp or a vendor's."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from components.endpoint_errors import explain_failure

TRIES = 4  # the client waits longer before each
TIMEOUT_S = 120.0
NAMED_MODELS = 10  # of a server that has many


@dataclass(frozen=True)
class Server:
    """Where a server is, and how it is asked."""

    endpoint: str  # as https://host/v1
    api_key: str = field(repr=False)
    model: str = ""  # "" takes the one that the server has
    concurrency: int = 8  # requests under way at once
    tries: int | None = None  # None: TRIES
    timeout_s: float = TIMEOUT_S


class ApiClient:
    """Asks a server, and counts requests, tokens and seconds in `usage`."""

    def __init__(self, server: Server):
        self.server = server
        self.usage: Counter = Counter(dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0))
        self.options = {
            "base_url": server.endpoint,
            "api_key": server.api_key or "none",
            "max_retries": TRIES if server.tries is None else server.tries,
            "timeout": server.timeout_s,
        }

    def choose_model(self) -> str:
        """Return the model that is named, or else the only one that the server has.

        Raises:
            ValueError: the server cannot be asked, or has none or several.
        """
        from openai import OpenAI, OpenAIError

        if self.server.model:
            return self.server.model
        try:
            with OpenAI(**self.options) as client:
                models = [entry.id for entry in client.models.list()]
        except (OpenAIError, AttributeError) as error:  # a page of another kind has no models
            raise explain_failure(error, self.server.endpoint) from None
        if len(models) != 1:
            names = ", ".join(sorted(models)[:NAMED_MODELS]) or "none"
            remedy = "name one by --model (BROADFAST_LLM_MODEL)"
            raise ValueError(f"{self.server.endpoint} has {len(models)} models ({names}): {remedy}")
        return models[0]

    def ask_all(
        self, requests: Sequence, ask: Callable[..., Awaitable], on_answer: Callable[[], None] = lambda: None
    ) -> list:
        """Return the answers to requests, in order.

        `ask` takes OpenAI's client and a request, `on_answer` is called behind each.

        Raises:
            ValueError: the server failed, with the remedy.
        """
        from openai import OpenAIError

        start = time.monotonic()
        try:
            answers = asyncio.run(self._ask_all(requests, ask, on_answer))
        except (OpenAIError, AttributeError) as error:
            raise explain_failure(error, self.server.endpoint) from None
        self.usage["seconds"] += time.monotonic() - start
        return answers

    async def _ask_all(self, requests: Sequence, ask: Callable, on_answer: Callable[[], None]) -> list:
        """Ask all, so many at once.

        The first failure ends the rest, which would cost for nothing.
        """
        from openai import AsyncOpenAI

        gate = asyncio.Semaphore(self.server.concurrency)
        async with AsyncOpenAI(**self.options) as client:

            async def ask_one(request):
                async with gate:
                    answer = await ask(client, request)
                on_answer()
                return answer

            tasks = [asyncio.ensure_future(ask_one(request)) for request in requests]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
