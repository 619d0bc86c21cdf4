"""A chat model behind OpenAI's API, asked many things at once: any server's, such as vLLM, llama.cpp or a vendor's."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from components.endpoint_errors import explain_failure

TRIES = 4  # the client waits longer before each
TIMEOUT_S = 120.0
TOP_LOGPROBS = 5  # which every server gives
NAMED_MODELS = 10  # of a server that has many


@dataclass(frozen=True)
class ChatOptions:
    """Which server and model is asked, and how."""

    endpoint: str  # as https://host/v1
    api_key: str = field(repr=False)
    model: str = ""  # "" takes the one that the server has
    concurrency: int = 8  # requests under way at once
    max_tokens: int = 256  # of an answer
    limit_name: str = "max_tokens"  # how the server calls that limit
    has_logprobs: bool = True
    temperature: float = 0.0


@dataclass(frozen=True)
class ChatAnswer:
    """What a model said, why it ended, and what it took."""

    text: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    tokens: Sequence = ()  # with their log-probabilities, where they are known


class ChatClient:
    """Asks a server, and counts requests, tokens and seconds in `usage`."""

    def __init__(self, options: ChatOptions):
        self.options = options
        self.usage: Counter = Counter(dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0))
        self.client_options = {
            "base_url": options.endpoint,
            "api_key": options.api_key or "none",
            "max_retries": TRIES,
            "timeout": TIMEOUT_S,
        }

    def choose_model(self) -> str:
        """Return the model that is named, or else the only one that the server has.

        Raises:
            ValueError: the server cannot be asked, or has none or several.
        """
        from openai import OpenAI, OpenAIError

        if self.options.model:
            return self.options.model
        try:
            with OpenAI(**self.client_options) as client:
                models = [entry.id for entry in client.models.list()]
        except (OpenAIError, AttributeError) as error:  # a page of another kind has no models
            raise explain_failure(error, self.options.endpoint) from None
        if len(models) != 1:
            names = ", ".join(sorted(models)[:NAMED_MODELS]) or "none"
            remedy = "name one by --model (BROADFAST_LLM_MODEL)"
            raise ValueError(f"{self.options.endpoint} has {len(models)} models ({names}): {remedy}")
        return models[0]

    def ask_all(
        self, conversations: Sequence[list[dict]], model: str, on_answer: Callable[[], None] = lambda: None
    ) -> list[ChatAnswer]:
        """Return the answers to conversations, in order. `on_answer` is called behind each.

        Raises:
            ValueError: the server failed, with the remedy.
        """
        from openai import OpenAIError

        start = time.monotonic()
        try:
            answers = asyncio.run(self._ask_all(conversations, model, on_answer))
        except (OpenAIError, AttributeError) as error:
            raise explain_failure(error, self.options.endpoint) from None
        self.usage["seconds"] += time.monotonic() - start
        return answers

    async def _ask_all(
        self, conversations: Sequence[list[dict]], model: str, on_answer: Callable[[], None]
    ) -> list[ChatAnswer]:
        """Ask all, so many at once.

        The first failure ends the rest, which would cost for nothing.
        """
        from openai import AsyncOpenAI

        gate = asyncio.Semaphore(self.options.concurrency)
        async with AsyncOpenAI(**self.client_options) as client:

            async def ask(messages: list[dict]) -> ChatAnswer:
                async with gate:
                    answer = await self._ask(client.chat.completions.create, model, messages)
                on_answer()
                return answer

            tasks = [asyncio.ensure_future(ask(messages)) for messages in conversations]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

    async def _ask(self, create: Callable, model: str, messages: list[dict]) -> ChatAnswer:
        options = {self.options.limit_name: self.options.max_tokens, "temperature": self.options.temperature}
        if self.options.has_logprobs:
            options |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        response = await create(model=model, messages=messages, **options)
        choice = response.choices[0]
        tokens_in, tokens_out = (
            (response.usage.prompt_tokens, response.usage.completion_tokens) if response.usage else (0, 0)
        )
        self.usage.update(requests=1, tokens_in=tokens_in, tokens_out=tokens_out)
        tokens = choice.logprobs.content if choice.logprobs else None
        return ChatAnswer(
            choice.message.content or "", choice.finish_reason or "stop", tokens_in, tokens_out, tokens or ()
        )
