"""The engine for any chat model behind OpenAI's API, such as a vendor's: it renders no prompt and needs no weights.

A chat cannot be made to begin with a perspective's tag: an answer without it gets it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from components.chat_client import ChatClient, ChatOptions
from components.perspectives import parse
from components.rationales.engine import Completion, EngineConfig
from components.sampling import hash_digest
from components.settings import Settings


class ChatEngine:
    """Asks the model that BROADFAST_LLM_ENDPOINT, _MODEL and _API_KEY name.

    Its answers are stored under the digest of the server's address and the model's name.

    Raises:
        ValueError: no endpoint is named, or it cannot be asked; with the remedy.
    """

    name = "chat"

    def __init__(self, model: str | Path, config: EngineConfig):
        settings = Settings()
        if not settings.llm_endpoint:
            raise ValueError("engine is 'chat': set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1")
        options = ChatOptions(
            endpoint=settings.llm_endpoint,
            api_key=settings.llm_api_key,
            model=settings.llm_model,
            concurrency=config.batch_size,
            max_tokens=config.max_new_tokens,
            limit_name=settings.llm_limit_name,
            has_logprobs=False,  # a label is what several answers end in
            temperature=config.temperature,
        )
        self.client = ChatClient(options)
        self.model_name = self.client.choose_model()
        self.digest = hash_digest(f"{options.endpoint}\n{self.model_name}").hex()

    def tokenizer(self, text: str, **_) -> dict:
        """Return no token of a text, which leaves its fields cut to their characters alone."""
        return {"offset_mapping": []}

    def render(self, messages: list[dict]) -> str:
        return json.dumps(messages, ensure_ascii=False)

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]:
        pairs = list(zip(texts, forced_prefixes, strict=True))
        conversations = [json.loads(text.removesuffix(prefix)) for text, prefix in pairs]
        answers = self.client.ask_all(conversations, self.model_name)
        return [
            Completion(add_tag(answer.text, prefix), answer.tokens_in, answer.tokens_out, answer.finish_reason, None)
            for answer, prefix in zip(answers, forced_prefixes, strict=True)
        ]


def add_tag(text: str, tag: str) -> str:
    """Return an answer that begins with its perspective's tag."""
    text = text.strip()
    return text if parse(text) or not tag else f"{tag} {text}"
