"""The engine for a running server with OpenAI's API, such as `vllm serve`: rendered prompts over HTTP, many at once."""

from collections.abc import Sequence
from pathlib import Path

from components.api_client import ApiClient, Server
from components.label_shares import listed_label_shares
from components.perspectives import pattern
from components.rationales.engine import (
    Completion,
    EngineConfig,
    label_position,
    label_tokens,
    too_long,
)
from components.settings import Settings
from components.teacher_prompt import render_chat

TRIES = 6  # the client waits longer before each
TIMEOUT_S = 600.0


class EndpointEngine:
    """Keeps `batch_size` requests to a server under way.

    A server that is busy or away is asked again for about a minute. The endpoint serves the very model whose folder is
    given: prompts are rendered here, with its tokenizer.

    Raises:
        ValueError: no endpoint is named, or it cannot be asked or does not say its model; with the remedy.
    """

    name = "endpoint"

    def __init__(self, model: str | Path, config: EngineConfig):
        from transformers import AutoTokenizer

        settings = Settings()
        if not settings.llm_endpoint:
            raise ValueError("engine is 'endpoint': set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1")
        self.config = config
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.labels = [self.tokenizer.decode([token]) for token in label_tokens(self.tokenizer)]
        address = (settings.llm_endpoint, settings.llm_api_key, settings.llm_model)
        self.client = ApiClient(Server(*address, config.batch_size, TRIES, TIMEOUT_S))
        self.model = self.client.choose_model()

    def render(self, messages: list[dict]) -> str:
        return render_chat(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]:
        return self.client.ask_all(list(zip(texts, forced_prefixes, strict=True)), self._complete)

    async def _complete(self, client, request: tuple[str, str]) -> Completion:
        text, forced_prefix = request
        size = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        room = self.config.max_length - size
        if room < 1:
            return too_long(size)
        response = await client.completions.create(
            model=self.model,
            prompt=text,
            max_tokens=min(self.config.max_new_tokens, room),
            logprobs=8,
            extra_body=self._extra_body(forced_prefix),
        )
        choice = response.choices[0]
        return Completion(
            text=forced_prefix + choice.text,
            tokens_in=response.usage.prompt_tokens,
            tokens_out=response.usage.completion_tokens,
            finish_reason=choice.finish_reason or "stop",
            label_probabilities=label_probabilities(self.labels, choice.logprobs),
        )

    def _extra_body(self, forced_prefix: str) -> dict:
        """Return the sampling parameters and what else OpenAI's client has no arguments for."""
        body = {**self.config.sampling, "add_special_tokens": False}
        if self.config.use_grammar:
            body["structured_outputs"] = {"regex": pattern(forced_prefix, self.config.characters)}
        return body


def label_probabilities(labels: Sequence[str], logprobs) -> tuple[float, ...] | None:
    """Return p(label) at the last token that begins one of `labels`."""
    at = label_position(logprobs.tokens, labels)
    return None if at is None else listed_label_shares(labels, logprobs.top_logprobs[at])
