"""A chat model behind OpenAI's API, asked many things at once: any server's, such as vLLM, llama.cpp or a vendor's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from components.api_client import ApiClient, Server

TOP_LOGPROBS = 5  # which every server gives


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
    """Asks a chat model, and counts requests, tokens and seconds in `usage`."""

    def __init__(self, options: ChatOptions):
        self.options = options
        self.client = ApiClient(Server(options.endpoint, options.api_key, options.model, options.concurrency))
        self.usage = self.client.usage

    def choose_model(self) -> str:
        """Return the model that is named, or else the only one that the server has.

        Raises:
            ValueError: the server cannot be asked, or has none or several.
        """
        return self.client.choose_model()

    def ask_all(
        self, conversations: Sequence[list[dict]], model: str, on_answer: Callable[[], None] = lambda: None
    ) -> list[ChatAnswer]:
        """Return the answers to conversations, in order. `on_answer` is called behind each.

        Raises:
            ValueError: the server failed, with the remedy.
        """

        async def ask(client, messages: list[dict]) -> ChatAnswer:
            return await self._ask(client.chat.completions.create, model, messages)

        return self.client.ask_all(conversations, ask, on_answer)

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
