"""The engine for a running server with OpenAI's API, such as `vllm serve`: rendered prompts over HTTP, many at once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from components.rationales.engine import Completion, EngineConfig, label_tokens, shares, too_long
from components.rationales.perspectives import pattern
from components.settings import Settings
from components.teacher_prompt import rendered

TRIES = 6  # the client waits longer before each
TIMEOUT_S = 600.0


class EndpointEngine:
    """`batch_size` requests under way at a time; a server that is busy or away is asked again for about a minute.

    The endpoint serves the very model whose folder is given: prompts are rendered here, with its tokenizer.

    Raises:
        ValueError: no endpoint is named, or it serves no model.
    """

    name = "endpoint"

    def __init__(self, model: str | Path, config: EngineConfig):
        from openai import OpenAI
        from transformers import AutoTokenizer

        settings = Settings()
        if not settings.llm_endpoint:
            raise ValueError("engine is 'endpoint': set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1")
        self.config = config
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.labels = [self.tokenizer.decode([token]) for token in label_tokens(self.tokenizer)]
        self.access = {
            "base_url": settings.llm_endpoint,
            "api_key": settings.llm_api_key or "none",
            "max_retries": TRIES,
            "timeout": TIMEOUT_S,
        }
        with OpenAI(**self.access) as client:
            served = [entry.id for entry in client.models.list()]
        if not served:
            raise ValueError(f"{settings.llm_endpoint} serves no model")
        self.served = served[0]

    def render(self, messages: list[dict]) -> str:
        return rendered(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]:
        return asyncio.run(self._all(texts, openings))

    async def _all(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]:
        from openai import AsyncOpenAI

        gate = asyncio.Semaphore(self.config.batch_size)
        async with AsyncOpenAI(**self.access) as client:
            asked = [self._one(client, gate, *pair) for pair in zip(texts, openings, strict=True)]
            return await asyncio.gather(*asked)

    async def _one(self, client, gate: asyncio.Semaphore, text: str, opening: str) -> Completion:
        size = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        room = self.config.max_length - size
        if room < 1:
            return too_long(size)
        extra = {"add_special_tokens": False}
        if self.config.structured:
            extra["structured_outputs"] = {"regex": pattern(opening, self.config.characters)}
        async with gate:
            answer = await client.completions.create(
                model=self.served,
                prompt=text,
                max_tokens=min(self.config.max_new_tokens, room),
                temperature=self.config.temperature,
                top_p=self.config.top_p if self.config.temperature > 0 else 1.0,
                logprobs=8,
                extra_body=extra,
            )
        choice, usage = answer.choices[0], answer.usage
        return Completion(
            opening + choice.text,
            usage.prompt_tokens,
            usage.completion_tokens,
            choice.finish_reason or "stop",
            label_probabilities(self.labels, choice.logprobs),
        )


def label_probabilities(labels: Sequence[str], said) -> tuple[float, ...] | None:
    """p(label) at the last token that begins one of `labels`; one not listed is as likely as the last that is."""
    at = next((step for step in range(len(said.tokens) - 1, -1, -1) if said.tokens[step] in labels), None)
    if at is None:
        return None
    listed = said.top_logprobs[at]
    return shares([listed.get(label, min(listed.values())) for label in labels])
